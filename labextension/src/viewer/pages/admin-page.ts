/**
 * The admin page: the list of registered targets, and what leads from it.
 */
import type { ITranslate } from '../ui/i18n';
import { Latest } from '../ui/latest-answer';
import { LiveTable } from '../ui/live-table';
import { unattended } from '../ui/report';
import { type IChange, type IRegistry, type ISchema, Refused, RegistryAPI } from './admin-api';
import { TargetForm } from './admin-form';
import { changeRow } from './admin-history';
import { ImportForm } from './admin-import';
import { MachineList, maintain } from './admin-machines';
import { type Column, compare, targetRow, textOf, valueOf } from './admin-rows';

/** How often the server is asked while the list is on the screen (milliseconds). */
const INTERVAL = 5000;

/** Rows that are shown at first. */
const FIRST = 200;

const VIEWS = ['list', 'form', 'import', 'history', 'machines'] as const;
type View = (typeof VIEWS)[number];

/** The page. */
export class AdminPage {
  constructor(
    private readonly _body: HTMLElement,
    private readonly _trans: ITranslate
  ) {
    this._api = new RegistryAPI(_body.dataset.root ?? './', _trans);
    this._table = new LiveTable(this._part('list'), (name, id) => unattended(this._act(name, id)));
    this._machines = new MachineList(this._part('machines'), _trans, (...deed) => this._act(...deed));
    this._changes = new LiveTable(this._part('history'));
    this._import = new ImportForm(this._part('import'), this._api, _trans, said =>
      this._left(this._view === 'import', said)
    );
    this._filter.addEventListener('input', () => this._show());
    this._on('add', () => this._edit());
    this._on('open-import', () => this._openImport());
    this._on('open-history', () => this._openHistory());
    this._on('more', () => this._showAll());
    for (const back of _body.querySelectorAll('[data-back]')) {
      back.addEventListener('click', () => this._back(''));
    }
    for (const head of _body.querySelectorAll<HTMLElement>('[data-sort]')) {
      head
        .querySelector('button')
        ?.addEventListener('click', () => this._sortBy(head.dataset.sort as Column));
    }
  }

  /** Ask now, and again for as long as somebody looks at the list. */
  watch(): void {
    const look = (): void => {
      unattended(document.hidden || !['list', 'machines'].includes(this._view) ? undefined : this.refresh());
    };
    window.setInterval(look, INTERVAL);
    document.addEventListener('visibilitychange', look);
    look();
  }

  /** Ask the server, and show what it says. */
  async refresh(): Promise<void> {
    try {
      const answer = await this._latest.of(this._api.ask<IRegistry>('GET'));
      if (answer) {
        this._registry = answer;
        this._complain(answer.trouble);
        this._show();
        this._machines.show(answer.targets);
      }
    } catch (error) {
      this._complain((error as Error).message);
    }
  }

  private _show(): void {
    const trans = this._trans;
    const wanted = this._filter.value.trim().toLowerCase();
    const found = this._registry.targets.filter(one => textOf(one).includes(wanted));
    const [column, descending] = this._order;
    const sorted = found.sort((one, other) => compare(valueOf(one, column), valueOf(other, column)));
    const all = descending ? sorted.reverse() : sorted;
    this._part('list').querySelector('[data-empty]')!.textContent =
      this._registry.targets.length > 0
        ? trans.__('No target matches.')
        : trans.__('No target is registered yet. Add one, or import a list.');
    this._table.show(all.slice(0, this._most).map(one => targetRow(this._trans, one)));
    const more = this._part('more');
    more.hidden = all.length <= this._most;
    more.textContent = trans.__('Show all %1', String(all.length));
  }

  private async _act(name: string, id: string, machine = ''): Promise<void> {
    const one = this._registry.targets.find(target => target.name === name);
    if (id === 'edit') {
      return this._edit(name);
    }
    if (id === 'machines') {
      this._say('');
      this._go('machines', name);
      return one && this._machines.open(one);
    }
    try {
      this._say(await maintain(this._api, this._trans, name, id, machine));
      await this.refresh();
    } catch (error) {
      this._complain(this._sentence(error));
    }
  }

  private _sortBy(column: Column): void {
    const [before, descending] = this._order;
    this._order = [column, before === column && !descending];
    for (const head of this._body.querySelectorAll<HTMLElement>('[data-sort]')) {
      const mine = head.dataset.sort === column;
      head.setAttribute('aria-sort', mine ? (this._order[1] ? 'descending' : 'ascending') : 'none');
    }
    this._show();
  }

  private _edit(name = ''): Promise<void> {
    return this._open('form', name, this._load(name), form => {
      this._form = form;
      form.show();
    });
  }

  private async _load(name: string): Promise<TargetForm> {
    this._schema ??= this._api.ask<ISchema>('GET', '/schema');
    try {
      const { local } = this._registry.may;
      const left = (said: string): void => this._left(this._form === form, said);
      const form = new TargetForm(
        this._part('form'),
        this._api,
        this._trans,
        await this._schema,
        local,
        left
      );
      await form.load(name);
      return form;
    } catch (error) {
      this._schema = undefined;
      throw error;
    }
  }

  private _openImport(): Promise<void> {
    this._say('');
    this._go('import');
    this._import.open(this._registry.may.groups ?? []);
    return Promise.resolve();
  }

  private _openHistory(): Promise<void> {
    return this._open('history', '', this._api.ask<IChange[]>('GET', '/history'), changes => {
      this._changes.show(changes.map((one, place) => changeRow(this._trans, one, place)));
      this._part('history').querySelector<HTMLElement>('h2')?.focus();
    });
  }

  /** Show a view when what it needs is there, unless somebody has gone elsewhere by then. */
  private async _open<T>(
    view: View,
    name: string,
    needed: Promise<T>,
    show: (answer: T) => void
  ): Promise<void> {
    try {
      const answer = await this._wanted.of(needed);
      if (answer !== undefined) {
        this._say('');
        this._go(view, name);
        show(answer);
      }
    } catch (error) {
      this._complain(this._sentence(error));
    }
  }

  private async _showAll(): Promise<void> {
    this._most = Infinity;
    this._show();
    this._filter.focus();
    return Promise.resolve();
  }

  /** A form is done: whoever has gone on to another view by then stays there, and is told. */
  private _left(shown: boolean, sentence: string): void {
    if (shown) {
      this._back(sentence);
    } else {
      this._say(sentence);
    }
  }

  /** Show the list again, and say what came of the last deed. */
  private _back(sentence: string): void {
    const name = this._edited;
    this._go('list');
    this._say(sentence);
    // At once: with the answer, it would take the keyboard from where somebody is by then.
    const row = [...this._part('list').querySelectorAll<HTMLElement>('tr[data-key]')];
    const again = row.find(one => one.dataset.key === name)?.querySelector('button');
    (again ?? this._part('add')).focus();
    unattended(this.refresh());
  }

  private _go(view: View, name = ''): void {
    this._wanted.drop();
    this._form = undefined;
    this._view = view;
    this._edited = name;
    for (const one of VIEWS) {
      this._part(one).hidden = one !== view;
    }
    this._complain('');
  }

  private _sentence(error: unknown): string {
    return error instanceof Refused ? error.message : this._trans.__('Something went wrong in the server.');
  }

  private _complain(sentence: string): void {
    const trouble = this._part('trouble');
    if (trouble.textContent !== sentence) {
      trouble.textContent = sentence;
    }
  }

  private _say(sentence: string): void {
    this._part('result').textContent = sentence;
  }

  private _on(id: string, work: () => Promise<void>): void {
    this._part(id).addEventListener('click', () => unattended(work()));
  }

  private _part(id: string): HTMLElement {
    return this._body.querySelector<HTMLElement>(`#${id}`)!;
  }

  private readonly _api: RegistryAPI;
  private readonly _table: LiveTable;
  private readonly _changes: LiveTable;
  private readonly _machines: MachineList;
  private readonly _import: ImportForm;
  private readonly _filter = this._body.querySelector<HTMLInputElement>('#filter')!;
  private readonly _latest = new Latest();
  private readonly _wanted = new Latest();
  private _form: TargetForm | undefined;
  private _registry: IRegistry = { targets: [], may: { groups: [], local: false }, trouble: '' };
  private _schema: Promise<ISchema> | undefined;
  private _order: readonly [Column, boolean] = ['name', false];
  private _most = FIRST;
  private _view: View = 'list';
  private _edited = '';
}
