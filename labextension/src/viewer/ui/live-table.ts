/**
 * A table that follows a list. What is still there stays: the focus, what is selected, a press that has begun.
 */
import { button, element } from './dom';

/** Something that can be done about a row: a link where it has an address, otherwise a button. */
export interface IRowAction {
  readonly id: string;
  readonly word: string;
  readonly href?: string;
}

/** A row. */
export interface IRow {
  /** Different for each row, and the same the next time. */
  readonly key: string;
  readonly cells: readonly string[];
  /** Whom or what the actions are about, for those who do not see the row. */
  readonly about?: string;
  /** What the page's style tells apart. */
  readonly state?: string;
  readonly actions?: readonly IRowAction[];
}

/** The table of a section, with the sentence that stands there while it is empty. */
export class LiveTable {
  /**
   * @param _section - has a table with its head, and an element `[data-empty]`
   * @param act - told which action of which row was chosen
   */
  constructor(
    private readonly _section: HTMLElement,
    act?: (key: string, id: string) => void
  ) {
    this._table = _section.querySelector('table')!;
    this._body = _section.querySelector('tbody')!;
    this._labels = [..._section.querySelectorAll('th')].map(one => one.textContent ?? '');
    // One listener for rows that come and go: what it does is always about the row as it is now.
    this._body.addEventListener('click', event => {
      const chosen = (event.target as Element).closest<HTMLElement>('button[data-act]');
      const key = chosen?.closest('tr')?.dataset.key;
      if (chosen && key !== undefined) {
        act?.(key, chosen.dataset.act ?? '');
      }
    });
  }

  /** Show these rows in this order. */
  show(rows: readonly IRow[]): void {
    const focused = document.activeElement as HTMLElement | null;
    const hadFocus = this._body.contains(focused);
    const before = new Map(this._rows.map(row => [row.dataset.key, row]));
    const wanted = new Set(rows.map(row => row.key));
    // First what is gone: a row that has to move would lose the focus.
    before.forEach((row, key) => wanted.has(key ?? '') || row.remove());
    rows.forEach((row, at) => {
      const node = before.get(row.key) ?? element('tr', { attributes: { 'data-key': row.key } });
      this._fill(node, row);
      if (this._body.children[at] !== node) {
        this._body.insertBefore(node, this._body.children[at] ?? null);
      }
    });
    this._table.hidden = rows.length === 0;
    this._section.querySelector<HTMLElement>('[data-empty]')!.hidden = rows.length > 0;
    if (hadFocus && this._body.contains(focused)) {
      focused!.focus({ preventScroll: true }); // its row may have been moved
    } else if (hadFocus) {
      // What had it is gone. Not to another row's button: the next press was meant for this one's.
      this._section.querySelector<HTMLElement>('input')?.focus();
    }
  }

  private get _rows(): HTMLElement[] {
    return [...this._body.children] as HTMLElement[];
  }

  private _fill(row: HTMLElement, { cells, about, state, actions }: IRow): void {
    if (state !== undefined && row.dataset.state !== state) {
      row.dataset.state = state;
    }
    cells.forEach((words, at) => {
      const cell = this._cell(row, at);
      if (cell.textContent !== words) {
        cell.textContent = words;
      }
    });
    if (actions) {
      this._offer(this._cell(row, cells.length), actions, about ?? '');
    }
  }

  private _cell(row: HTMLElement, at: number): HTMLElement {
    const attributes = { 'data-label': this._labels[at] ?? '' };
    return (row.children[at] as HTMLElement | undefined) ?? row.appendChild(element('td', { attributes }));
  }

  private _offer(cell: HTMLElement, actions: readonly IRowAction[], about: string): void {
    const before = new Map(
      [...cell.querySelectorAll<HTMLElement>('[data-act]')].map(one => [one.dataset.act, one])
    );
    const wanted = new Set(actions.map(({ id }) => id));
    before.forEach((node, id) => wanted.has(id ?? '') || node.remove());
    actions.forEach((action, at) => {
      const node = before.get(action.id) ?? draw(action, about);
      if (cell.children[at] !== node) {
        cell.insertBefore(node, cell.children[at] ?? null);
      }
    });
  }

  private readonly _table: HTMLTableElement;
  private readonly _body: HTMLElement;
  private readonly _labels: readonly string[];
}

function draw({ id, word, href }: IRowAction, about: string): HTMLElement {
  const className = 'jp-VNC-button';
  const attributes = { 'data-act': id, 'aria-label': `${word}: ${about}` };
  return href === undefined
    ? button({ className, text: word, attributes })
    : element('a', { className, text: word, attributes: { ...attributes, href } });
}
