/**
 * Importing a list of machines: choose files, look at what they are, register them.
 */
import { button, element } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';
import { type IPreview, Refused, type RegistryAPI } from './admin-api';

/** The most that is imported at once (bytes). */
const MOST = 1024 * 1024;

interface IAnswer {
  readonly imported: number;
  readonly rows: readonly IPreview[];
}

/** The form of an import. */
export class ImportForm {
  /**
   * @param _done - told when the form is left, with what there is to say
   */
  constructor(
    private readonly _section: HTMLElement,
    private readonly _api: RegistryAPI,
    private readonly _trans: ITranslate,
    private readonly _done: (sentence: string) => void
  ) {}

  /** Show it. */
  open(groups: readonly string[]): void {
    const trans = this._trans;
    this._groups.value = groups.join(', ');
    this._files.value = '';
    this._say('');
    this._preview.replaceChildren();
    const words = {
      csv: trans.__('Table (CSV)'),
      tokens: trans.__('Token file of websockify'),
      folder: trans.__('Files of targets (.toml, .json)'),
      guacamole: trans.__('user-mapping.xml of Guacamole')
    };
    this._format.replaceChildren(
      ...Object.entries(words).map(([value, text]) => element('option', { text, attributes: { value } }))
    );
    const labelled = (text: string, control: HTMLElement): HTMLElement =>
      element('div', {
        className: 'jp-VNC-field',
        children: [element('label', { text, attributes: { for: control.id } }), control]
      });
    const look = button({
      className: 'jp-VNC-button jp-mod-accept',
      text: trans.__('Preview'),
      onClick: () => unattended(this._ask(true))
    });
    const back = button({
      className: 'jp-VNC-button',
      text: trans.__('Back to the list'),
      onClick: () => this._done('')
    });
    this._section.replaceChildren(
      element('h2', { text: trans.__('Import targets'), attributes: { tabindex: '-1' } }),
      labelled(trans.__('Kind of file'), this._format),
      labelled(trans.__('Files'), this._files),
      labelled(trans.__('Groups of all of them (allow_groups)'), this._groups),
      element('div', { className: 'jp-VNC-buttons', children: [look, back] }),
      this._trouble,
      this._preview
    );
    this._section.querySelector<HTMLElement>('h2')?.focus();
  }

  private async _ask(dry: boolean): Promise<void> {
    const trans = this._trans;
    this._say('');
    const chosen = [...(this._files.files ?? [])];
    if (chosen.length === 0) {
      this._say(trans.__('Choose a file first.'));
      this._files.focus();
      return;
    }
    if (chosen.reduce((sum, one) => sum + one.size, 0) > MOST) {
      this._say(trans.__('These files have more than 1 MiB. Import fewer at once.'));
      return;
    }
    try {
      const files = await Promise.all(chosen.map(async one => ({ name: one.name, text: await one.text() })));
      const groups = this._groups.value.split(/[,;\s]+/).filter(Boolean);
      const keys = groups.length > 0 ? { allow_groups: groups } : {};
      const body = { format: this._format.value, files, keys, dry_run: dry };
      const answer = await this._api.ask<IAnswer>('POST', '/import', body);
      if (dry) {
        this._show(answer.rows);
      } else {
        this._done(
          trans._n(
            '%1 target was imported.',
            '%1 targets were imported.',
            answer.imported,
            String(answer.imported)
          )
        );
      }
    } catch (error) {
      this._say(error instanceof Refused ? error.message : trans.__('The file cannot be read.'));
    }
  }

  private _show(rows: readonly IPreview[]): void {
    const trans = this._trans;
    const bad = rows.filter(one => Object.keys(one.errors).length > 0);
    const good = rows.filter(one => Object.keys(one.errors).length === 0);
    const sentence = trans._n(
      '%1 target can be imported, %2 cannot.',
      '%1 targets can be imported, %2 cannot.',
      good.length,
      String(good.length),
      String(bad.length)
    );
    const accept = button({
      className: 'jp-VNC-button jp-mod-accept',
      text: trans._n('Import %1 target', 'Import %1 targets', good.length, String(good.length)),
      onClick: () => unattended(this._ask(false))
    });
    accept.disabled = good.length === 0;
    this._preview.replaceChildren(
      element('h3', { text: sentence, attributes: { tabindex: '-1' } }),
      element('div', { className: 'jp-VNC-buttons', children: [accept] }),
      this._table([...bad, ...good])
    );
    this._preview.querySelector<HTMLElement>('h3')?.focus();
  }

  private _table(rows: readonly IPreview[]): HTMLElement {
    const trans = this._trans;
    const head = [trans.__('Place'), trans.__('Name'), trans.__('Address'), trans.__('Mistakes')];
    const line = ({ where, name, address, errors }: IPreview): HTMLElement => {
      const wrong = Object.entries(errors).map(([key, said]) => `${key} ${said}`.trim());
      const cells = [where, name, address, wrong.join('; ')];
      return element('tr', {
        children: cells.map((text, place) =>
          element('td', {
            text,
            className: place === 3 ? 'jp-VNC-trouble' : '',
            attributes: { 'data-label': head[place] ?? '' }
          })
        )
      });
    };
    return element('table', {
      children: [
        element('thead', {
          children: [
            element('tr', {
              children: head.map(text => element('th', { text, attributes: { scope: 'col' } }))
            })
          ]
        }),
        element('tbody', { children: rows.map(line) })
      ]
    });
  }

  private _say(sentence: string): void {
    this._trouble.textContent = sentence;
  }

  private readonly _format = element('select', { attributes: { id: 'import-format' } });
  private readonly _files = element('input', {
    attributes: { type: 'file', multiple: '', id: 'import-files' }
  });
  private readonly _groups = element('input', {
    attributes: { type: 'text', id: 'import-groups', autocomplete: 'off' }
  });
  private readonly _trouble = element('p', { className: 'jp-VNC-trouble', attributes: { role: 'alert' } });
  private readonly _preview = element('div');
}
