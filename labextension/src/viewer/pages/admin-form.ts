/**
 * The form of one target: its keys, a test, and what somebody else has changed meanwhile.
 */
import { ask } from '../ui/dialog';
import { button, element } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';
import {
  type IRegistered,
  type ISchema,
  type ITrial,
  type Keys,
  pathOf,
  Refused,
  type RegistryAPI
} from './admin-api';
import { at, field, type IField, keysOf, pathsOf } from './admin-fields';

/** A target with its keys. */
type Loaded = IRegistered & { readonly keys: Keys };

/** Sections that are open at once: what most targets need. */
const OPEN = ['Address', 'Login', 'Permissions'];

/** The form. */
export class TargetForm {
  /**
   * @param _section - where it is
   * @param schema - the keys
   * @param _local - whether keys that name something of the service's machine may be set
   * @param _done - told when the form is left, with what there is to say
   */
  constructor(
    private readonly _section: HTMLElement,
    private readonly _api: RegistryAPI,
    private readonly _trans: ITranslate,
    schema: ISchema,
    local: boolean,
    private readonly _done: (sentence: string) => void
  ) {
    this._fields = [...pathsOf(schema)]
      .filter(([, part]) => local || !part['x-local'])
      .map(([path, part]) => field(_trans, path, part));
    this._sections = Object.entries(schema.properties ?? {}).reduce((sections, [name, part]) => {
      const mine = this._fields.filter(one => one.path === name || one.path.startsWith(`${name}.`));
      const title = part['x-section'] ?? '';
      return sections.set(title, [...(sections.get(title) ?? []), ...mine]);
    }, new Map<string, IField[]>());
  }

  /** Ask for a target, or begin a new one. */
  async load(name: string): Promise<void> {
    this._loaded = name ? await this._api.ask<Loaded>('GET', pathOf(name)) : null;
  }

  /** Show what was loaded. */
  show(): void {
    this._build();
    this._fill(this._loaded?.keys ?? {});
    (this._loaded ? this._section.querySelector<HTMLElement>('h2') : this._name)?.focus();
  }

  private _build(): void {
    const trans = this._trans;
    const loaded = this._loaded;
    const title = loaded ? trans.__('Change %1', loaded.name) : trans.__('Add a target');
    const name = this._name;
    name.value = loaded?.name ?? '';
    name.disabled = loaded !== null;
    const act = (text: string, work: () => Promise<void>, className = 'jp-VNC-button'): HTMLButtonElement =>
      button({ className, text, onClick: () => unattended(this._guarded(work)) });
    const save = element('button', {
      className: 'jp-VNC-button jp-mod-accept',
      text: trans.__('Save'),
      attributes: { type: 'submit' }
    });
    const actions = [
      save,
      act(trans.__('Test'), () => this._test()),
      ...(loaded ? [act(trans.__('Remove'), () => this._remove())] : []),
      button({
        className: 'jp-VNC-button',
        text: trans.__('Back to the list'),
        onClick: () => this._done('')
      })
    ];
    const form = element('form', {
      attributes: { novalidate: '', autocomplete: 'off' },
      children: [
        element('h2', { text: title, attributes: { tabindex: '-1' } }),
        this._trouble,
        element('div', {
          className: 'jp-VNC-field',
          children: [
            element('label', { text: trans.__('Name'), attributes: { for: name.id } }),
            name,
            element('p', {
              className: 'jp-VNC-fieldHelp',
              text: trans.__('Up to 64 letters, digits, dots, dashes and underscores.'),
              attributes: { id: 'target-name-help' }
            })
          ]
        }),
        ...[...this._sections].map(([section, fields]) => this._group(section, fields)),
        element('div', { className: 'jp-VNC-buttons', children: actions }),
        this._trial
      ]
    });
    form.addEventListener('submit', event => {
      event.preventDefault();
      unattended(this._guarded(() => this._save()));
    });
    this._trouble.replaceChildren();
    this._trial.replaceChildren();
    this._section.replaceChildren(form);
  }

  private _group(section: string, fields: readonly IField[]): HTMLElement {
    const trans = this._trans;
    const words: Readonly<Record<string, string>> = {
      Address: trans.__('Address'),
      Login: trans.__('Login'),
      Encryption: trans.__('Encryption'),
      Permissions: trans.__('Permissions'),
      Appearance: trans.__('Appearance'),
      Timeouts: trans.__('Timeouts')
    };
    const node = element('details', {
      children: [element('summary', { text: words[section] ?? section }), ...fields.map(one => one.node)]
    });
    node.open = OPEN.includes(section);
    return node;
  }

  private _fill(keys: Keys): void {
    for (const one of this._fields) {
      one.complain('');
      one.value = at(keys, one.path);
      const group = one.node.closest('details');
      if (group && one.filled) {
        group.open = true;
      }
    }
  }

  /** Do something; what is refused is said where it belongs. */
  private async _guarded(work: () => Promise<void>): Promise<void> {
    this._trouble.replaceChildren();
    this._fields.forEach(one => one.complain(''));
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      if (error.status === 412) {
        await this._compare(error.message);
      } else {
        this._complain(error);
      }
    }
  }

  private _complain({ message, errors }: Refused): void {
    const left = Object.entries(errors).filter(([key, sentence]) => {
      const found =
        this._fields.find(one => one.path === key) ??
        this._fields.find(one => key.startsWith(`${one.path}.`));
      found?.complain(found.path === key ? sentence : `${key.slice(found.path.length + 1)} ${sentence}`);
      found?.node.closest('details')?.setAttribute('open', '');
      return !found;
    });
    const general = left.map(([key, sentence]) => (key ? `${key} ${sentence}` : sentence)).join('; ');
    const some = Object.keys(errors).length > left.length;
    const also = some ? this._trans.__('Some keys are wrong; see below.') : message;
    this._trouble.replaceChildren(general || also);
    (this._section.querySelector<HTMLElement>('[aria-invalid=true]') ?? this._name).focus();
  }

  /** Say what somebody else has changed; what was entered here stays. */
  private async _compare(message: string): Promise<void> {
    const trans = this._trans;
    const mine = this._loaded;
    if (!mine) {
      return;
    }
    const theirs = await this._api.ask<Loaded>('GET', pathOf(mine.name));
    const differ = this._fields
      .filter(({ path }) => JSON.stringify(at(theirs.keys, path)) !== JSON.stringify(at(mine.keys, path)))
      .map(({ path }) => `${path}: ${told(at(mine.keys, path))} → ${told(at(theirs.keys, path))}`);
    const take = button({
      className: 'jp-VNC-button',
      text: trans.__('Show what it is now'),
      onClick: () => unattended(this._guarded(() => this.load(mine.name).then(() => this.show())))
    });
    const keep = button({
      className: 'jp-VNC-button',
      text: trans.__('Save mine over it'),
      onClick: () => {
        this._loaded = { ...theirs, keys: mine.keys };
        unattended(this._guarded(() => this._save()));
      }
    });
    this._trouble.replaceChildren(
      message,
      element('span', { text: ` ${trans.__('Changed by %1:', theirs.changed_by)} ${differ.join('; ')}` }),
      element('span', { className: 'jp-VNC-buttons', children: [take, keep] })
    );
    take.focus();
  }

  private async _save(): Promise<void> {
    const keys = keysOf(this._fields);
    const loaded = this._loaded;
    if (loaded) {
      await this._api.ask('PUT', pathOf(loaded.name), { keys }, loaded.version);
    } else {
      await this._api.ask('POST', '', { name: this._name.value.trim(), keys });
    }
    this._done(this._trans.__('%1 is saved.', loaded?.name ?? this._name.value.trim()));
  }

  private async _remove(): Promise<void> {
    const trans = this._trans;
    const { name, version } = this._loaded!;
    const answer = await ask(trans, {
      title: trans.__('Remove %1?', name),
      text: trans.__('Sessions on it end. Its history stays.'),
      yes: trans.__('Remove')
    });
    if (answer !== null) {
      await this._api.ask('DELETE', pathOf(name), undefined, version);
      this._done(trans.__('%1 is removed.', name));
    }
  }

  private async _test(): Promise<void> {
    const trans = this._trans;
    this._trial.replaceChildren(element('p', { text: trans.__('Testing…') }));
    try {
      const name = this._loaded?.name ?? (this._name.value.trim() || 'draft');
      const keys = keysOf(this._fields);
      this._tell(await this._api.ask<ITrial>('POST', `${pathOf(name)}/test`, { keys }));
    } catch (error) {
      this._trial.replaceChildren();
      throw error;
    }
  }

  private _tell({ ok, steps, picture }: ITrial): void {
    const trans = this._trans;
    const words: Readonly<Record<string, string>> = {
      name: trans.__('Name'),
      connection: trans.__('Connection'),
      version: trans.__('Protocol version'),
      security: trans.__('Security type'),
      login: trans.__('Login'),
      picture: trans.__('Picture')
    };
    const rows = steps.map(({ name, seconds, result, error }) =>
      element('li', {
        attributes: { 'data-step': name, 'data-ok': String(error === null) },
        children: [
          element('strong', { text: `${error === null ? '✓' : '✗'} ${words[name] ?? name}` }),
          element('span', { text: ` ${trans.__('%1 ms', (seconds * 1000).toFixed(0))} ` }),
          element('span', { className: error === null ? '' : 'jp-VNC-trouble', text: error ?? result })
        ]
      })
    );
    const title = ok ? trans.__('The target works') : trans.__('The target does not work');
    const alt = trans.__('What the desktop shows');
    this._trial.replaceChildren(
      element('h3', { text: title, attributes: { tabindex: '-1' } }),
      element('ol', { children: rows }),
      ...(picture ? [element('img', { attributes: { src: picture.data, alt } })] : [])
    );
    this._trial.querySelector<HTMLElement>('h3')?.focus();
  }

  private readonly _fields: readonly IField[];
  private readonly _sections: ReadonlyMap<string, readonly IField[]>;
  private readonly _name = element('input', {
    attributes: { type: 'text', id: 'target-name', maxlength: '64', 'aria-describedby': 'target-name-help' }
  });
  private readonly _trouble = element('p', { className: 'jp-VNC-trouble', attributes: { role: 'alert' } });
  private readonly _trial = element('div', {
    className: 'jp-VNC-trial',
    attributes: { 'aria-live': 'polite' }
  });
  private _loaded: Loaded | null = null;
}

const told = (value: unknown): string => (value === undefined ? '–' : JSON.stringify(value));
