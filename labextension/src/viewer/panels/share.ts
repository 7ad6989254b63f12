/**
 * The panel with which the owner of a server in a hub shares its desktops: a link, who has it, and taking it back.
 */
import { button, element } from '../ui/dom';
import { noAnswer, readJSON, refusal } from '../connection/grant';
import { Latest } from '../ui/latest-answer';
import { type IPanel, panel } from './panel';
import type { Mode } from '../session';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';

/** Make a request of a route below `api/shares`. */
export type AskShares = (path: string, init?: RequestInit) => Promise<Response>;

/** With whom the server is shared, as `GET api/shares` says it. */
export interface IShares {
  /** Why nothing can be shared; null if it can. */
  readonly problem: 'authorizer' | 'permission' | null;
  readonly people: readonly { readonly user: string; readonly mode: Mode }[];
  readonly links: readonly { readonly id: string; readonly mode: Mode; readonly expires: string }[];
}

/** What the panel needs. */
export interface IShareOptions {
  readonly trans: ITranslate;
  /** Name of the target that the link leads to. */
  readonly target: string;
  readonly ask: AskShares;
  /** The panel was closed by the reader. */
  readonly closed: () => void;
}

/** For how many hours a link can be opened. */
const HOURS = [1, 8, 24, 168] as const;

/** What the administrator has to configure, by what is missing. */
export function problemWords(trans: ITranslate, problem: 'authorizer' | 'permission'): string {
  return problem === 'authorizer'
    ? trans.__(
        'Guests would have all of your server, files and terminals too. The administrator has to set %1 in the configuration of the users’ servers.',
        'c.ServerApp.authorizer_class = "jupyter_vnc.hub.authorizer.GuestAuthorizer"'
      )
    : trans.__(
        'The hub does not permit you to share your server. The administrator has to give you the role of %1, and servers the scopes %2, in jupyterhub_config.py.',
        'vnc.sharing()',
        'vnc.SERVER_SCOPES'
      );
}

/** The panel; its `node` goes into the viewer. */
export class SharePanel implements IPanel {
  constructor(private readonly _options: IShareOptions) {
    const { trans, closed } = _options;
    this._mode = choice(trans.__('Permission'), [
      ['view', trans.__('View only')],
      ['control', trans.__('View and control')]
    ]);
    this._hours = choice(
      trans.__('The link can be opened for'),
      HOURS.map(hours => [String(hours), hoursWords(trans, hours)])
    );
    this._link = element('input', {
      attributes: { type: 'text', readonly: '', 'aria-label': trans.__('Link for guests') }
    });
    this.node = panel(trans, trans.__('Share'), closed, [this._problem, this._body(), this._note]);
    this.node.classList.add('jp-VNC-share');
  }

  /** The element to show. */
  readonly node: HTMLElement;

  /** Show the panel with what the hub says now, or hide it. */
  toggle(open: boolean): void {
    this.node.hidden = !open;
    this._link.value = '';
    this._link.hidden = true;
    if (open) {
      this._mode.select.focus();
      unattended(this._do(() => this._update()));
    }
  }

  private _body(): HTMLElement {
    const { trans } = this._options;
    const make = button({
      className: 'jp-VNC-button jp-mod-accept',
      text: trans.__('Copy a link'),
      onClick: () => unattended(this._do(() => this._invite()))
    });
    this._content.append(
      element('p', {
        text: trans.__(
          'Whoever opens the link and logs in comes to all desktops of your server, until you remove them. In control, they can do there what you can do.'
        )
      }),
      this._mode.node,
      this._hours.node,
      make,
      this._link,
      this._people,
      this._links
    );
    return this._content;
  }

  /** Ask the hub; say what did not work, unless something else was asked meanwhile. */
  private async _do(run: () => Promise<void>): Promise<void> {
    const { trans } = this._options;
    const turn = (this._turn += 1);
    this._say('');
    try {
      await run();
    } catch (error) {
      if (turn === this._turn) {
        this._say(noAnswer(error).message || trans.__('The server does not answer.'));
      }
    }
  }

  private async _update(): Promise<void> {
    const said = await this._latest.of(this._ask(''));
    if (said) {
      this._show(said as IShares);
    }
  }

  private async _invite(): Promise<void> {
    const { trans, target } = this._options;
    const wanted = { target, mode: this._mode.select.value, hours: Number(this._hours.select.value) };
    const { url } = (await this._ask('', { method: 'POST', body: JSON.stringify(wanted) })) as {
      url: string;
    };
    this._link.value = new URL(url, document.baseURI).href;
    this._link.hidden = false;
    try {
      await navigator.clipboard.writeText(this._link.value);
      this._say(trans.__('Copied.'));
    } catch {
      this._link.select();
      this._say(trans.__('Your browser does not let this page copy. Press Ctrl+C.'));
    }
    await this._update();
  }

  /** Take something back, and show what is left. */
  private _remove({ path, said }: IRow): void {
    unattended(
      this._do(async () => {
        await this._delete(path);
        this._say(said());
        await this._update();
      })
    );
  }

  /** The JSON of an answer; null where it has none. */
  private async _ask(path: string, init?: RequestInit): Promise<unknown> {
    const response = await this._options.ask(path, init);
    const body = await readJSON(response);
    if (!response.ok) {
      throw refusal(response, body);
    }
    return body;
  }

  /** What the server says is gone already need not be taken back; a proxy in front of it knows nothing of that. */
  private async _delete(path: string): Promise<void> {
    try {
      await this._ask(path, { method: 'DELETE' });
    } catch (error) {
      if (noAnswer(error).status !== 404) {
        throw error;
      }
    }
  }

  private _show({ problem, people, links }: IShares): void {
    const { trans } = this._options;
    this._problem.textContent = problem ? problemWords(trans, problem) : '';
    if (problem) {
      // What had the focus goes.
      this.node.querySelector('button')?.focus();
    }
    this._content.hidden = problem !== null;
    this._hasLinks = links.length > 0;
    this._list(
      this._people,
      trans.__('Guests'),
      people.map(({ user, mode }) => ({
        words: mode === 'view' ? trans.__('%1 may view', user) : trans.__('%1 may control', user),
        label: trans.__('Remove %1', user),
        path: `/users/${encodeURIComponent(user)}`,
        said: () =>
          this._hasLinks ? trans.__('A link that is open lets them in again.') : trans.__('Removed.')
      }))
    );
    this._list(
      this._links,
      trans.__('Open links'),
      links.map(({ id, mode, expires }) => {
        const when = until(expires);
        return {
          words:
            mode === 'view' ? trans.__('To view, until %1', when) : trans.__('To control, until %1', when),
          label: trans.__('Close the link'),
          path: `/links/${encodeURIComponent(id)}`,
          said: () => trans.__('Removed.')
        };
      })
    );
  }

  /** Show rows below a title. Those that have not changed stay: somebody may be about to press one. */
  private _list(place: HTMLElement, title: string, rows: readonly IRow[]): void {
    const hadFocus = place.contains(document.activeElement);
    const list = place.querySelector('ul') ?? element('ul');
    const before = new Map([...list.children].map(item => [(item as HTMLElement).dataset.row, item]));
    const items = rows.map(row => before.get(keyOf(row)) ?? this._item(row));
    [...before.values()].filter(item => !items.includes(item)).forEach(item => item.remove());
    items.forEach((item, at) => {
      if (list.children[at] !== item) {
        list.insertBefore(item, list.children[at] ?? null);
      }
    });
    if (items.length === 0) {
      place.replaceChildren();
    } else if (!place.contains(list)) {
      place.replaceChildren(element('h3', { text: title }), list);
    }
    // Where the button that was pressed is gone, the focus stays in the panel.
    if (hadFocus && !place.contains(document.activeElement)) {
      this._mode.select.focus();
    }
  }

  private _item(row: IRow): HTMLElement {
    const { words, label } = row;
    const remove = button({
      className: 'jp-VNC-close',
      text: '×',
      attributes: { 'aria-label': label, title: label },
      onClick: () => this._remove(row)
    });
    return element('li', {
      attributes: { 'data-row': keyOf(row) },
      children: [element('span', { text: words }), remove]
    });
  }

  private _say(sentence: string): void {
    this._note.textContent = sentence;
  }

  private readonly _mode: IChoice;
  private readonly _hours: IChoice;
  private readonly _link: HTMLInputElement;
  private readonly _problem = element('p');
  private readonly _content = element('div');
  private readonly _people = element('div');
  private readonly _links = element('div');
  private readonly _note = element('p', { className: 'jp-VNC-note', attributes: { role: 'status' } });
  private readonly _latest = new Latest();
  private _hasLinks = false;
  private _turn = 0;
}

/** A guest, or a link that is open. */
interface IRow {
  readonly words: string;
  readonly label: string;
  /** What takes it back, below `api/shares`, and what the reader is told then. */
  readonly path: string;
  readonly said: () => string;
}

const keyOf = ({ words, path }: IRow): string => `${path} ${words}`;

/** A choice with its label. */
interface IChoice {
  readonly node: HTMLElement;
  readonly select: HTMLSelectElement;
}

function choice(label: string, words: readonly (readonly string[])[]): IChoice {
  const select = element('select', {
    children: words.map(([value = '', text]) => element('option', { text, attributes: { value } }))
  });
  return { select, node: element('label', { children: [element('span', { text: label }), select] }) };
}

function hoursWords(trans: ITranslate, hours: number): string {
  return hours < 24
    ? trans._n('%1 hour', '%1 hours', hours, String(hours))
    : trans._n('%1 day', '%1 days', hours / 24, String(hours / 24));
}

/** When a link ends, in the reader's own time and writing. */
function until(expires: string): string {
  return new Date(expires).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' });
}
