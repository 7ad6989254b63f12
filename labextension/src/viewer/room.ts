/**
 * The room of those who look after a course: who is at which machine, and what can be done about it.
 */
import { ask } from './ask';
import { button, element } from './dom';
import { type IMachine, type IPerson, type IRoom, peopleIn } from './people';
import type { ITranslate } from './text';
import { fetchAPI, translatePage, translation } from './web';

/** How often the server is asked (milliseconds). */
const INTERVAL = 5000;

/** The longest message (characters); the server has the same limit. */
const LONGEST = 500;

/** The page's script. */
export class RoomPage {
  constructor(
    private readonly _body: HTMLElement,
    private readonly _trans: ITranslate
  ) {
    this._root = _body.dataset.root ?? './';
    this._filter.addEventListener('input', () => this._show());
    this._all.addEventListener('click', () => void this._writeToAll());
    window.setInterval(() => document.hidden || void this.refresh(), INTERVAL);
    document.addEventListener('visibilitychange', () => document.hidden || void this.refresh());
  }

  /** Ask the server, and show what it says. */
  async refresh(): Promise<void> {
    try {
      const response = await fetchAPI(`${this._root}api/room`);
      if (!response.ok) {
        throw new Error(await sentenceOf(response));
      }
      this._room = (await response.json()) as IRoom;
      this._say('');
      this._show();
    } catch (error) {
      this._say(
        error instanceof Error && error.message
          ? error.message
          : this._trans.__('The server does not answer.')
      );
    }
  }

  private _show(): void {
    const wanted = this._filter.value.trim().toLowerCase();
    const everybody = peopleIn(this._room);
    const people = everybody.filter(({ name, target, machine }) =>
      `${name} ${target} ${machine ?? ''}`.toLowerCase().includes(wanted)
    );
    this._fill(
      'people',
      people,
      one => one.key,
      one => this._person(one)
    );
    this._fill('machines', this._room.machines, machineKey, one => this._machine(one));
    this._fill(
      'waiting',
      this._room.waiting,
      one => `${one.target} ${one.place}`,
      one => [String(one.place), one.user ?? this._trans.__('somebody'), one.target, this._ago(one.since)]
    );
    this._all.disabled = !everybody.some(one => one.sessions.length > 0);
  }

  /** Fill a table row by row: a row that is still there stays, so that focus and selection do. */
  private _fill<T>(
    id: string,
    rows: readonly T[],
    key: (row: T) => string,
    cells: (row: T) => (string | Node[])[]
  ): void {
    const section = this._part(id);
    const table = section.querySelector('tbody')!;
    const before = new Map([...table.rows].map(row => [row.dataset.key, row]));
    const labels = [...section.querySelectorAll('th')].map(one => one.textContent ?? '');
    rows.forEach((row, at) => {
      const node = before.get(key(row)) ?? element('tr', { attributes: { 'data-key': key(row) } });
      before.delete(key(row));
      fillRow(node, cells(row), labels);
      if (table.rows[at] !== node) {
        table.insertBefore(node, table.rows[at] ?? null);
      }
    });
    before.forEach(row => row.remove());
    section.querySelector<HTMLElement>('table')!.hidden = rows.length === 0;
    section.querySelector<HTMLElement>('[data-empty]')!.hidden = rows.length > 0;
  }

  private _person(one: IPerson): (string | Node[])[] {
    const trans = this._trans;
    const where = one.machine ? `${one.target} · ${one.machine}` : one.target;
    const state = one.sessions.length === 0 ? trans.__('away') : this._ago(one.lastInput);
    return [one.name, where, this._ago(one.since), state, one.watchers.join(', '), this._actions(one)];
  }

  private _actions(one: IPerson): Node[] {
    const trans = this._trans;
    const path = `${encodeURIComponent(one.target)}/of/${encodeURIComponent(one.name)}`;
    const act = (word: string, run: () => void): Node =>
      button({
        className: 'jp-VNC-button',
        text: word,
        attributes: { 'aria-label': `${word}: ${one.name}` },
        onClick: run
      });
    const look = element('a', {
      className: 'jp-VNC-button',
      text: trans.__('Look in'),
      attributes: { href: `${this._root}view/${path}`, 'aria-label': `${trans.__('Look in')}: ${one.name}` }
    });
    const here = one.sessions.length > 0;
    return [
      ...(one.waits ? [] : [look]),
      ...(here ? [act(trans.__('Message'), () => void this._write(one))] : []),
      ...(here ? [act(trans.__('End'), () => void this._end(one))] : []),
      ...(one.holds ? [act(trans.__('Release'), () => void this._release(one))] : [])
    ];
  }

  private _machine(one: IMachine): string[] {
    const trans = this._trans;
    const words = {
      free: trans.__('free'),
      taken: trans.__('taken'),
      aside: trans.__('does not answer; next try in %1 s', String(Math.ceil(one.retry_in ?? 0)))
    };
    return [one.machine, one.title, words[one.state], one.user ?? '', one.since ? this._ago(one.since) : ''];
  }

  private async _write(one: IPerson): Promise<void> {
    const title = this._trans.__('Message to %1', one.name);
    const text = await ask(this._trans, { title, yes: this._trans.__('Send'), longest: LONGEST });
    if (text !== null) {
      await this._send(one, text);
    }
  }

  private async _writeToAll(): Promise<void> {
    const title = this._trans.__('Message to everybody in this list');
    const text = await ask(this._trans, { title, yes: this._trans.__('Send'), longest: LONGEST });
    if (text !== null) {
      await Promise.all(peopleIn(this._room).map(one => this._send(one, text)));
    }
  }

  private async _send(one: IPerson, text: string): Promise<void> {
    const body = JSON.stringify({ text });
    const sent = one.sessions.map(({ id }) => this._do('POST', `api/sessions/${id}/messages`, body));
    await Promise.all(sent);
  }

  private async _end(one: IPerson): Promise<void> {
    const trans = this._trans;
    const answer = await ask(this._trans, {
      title: trans.__('End the session of %1?', one.name),
      text: trans.__('The desktop goes on, and %1 may connect again.', one.name),
      yes: trans.__('End')
    });
    if (answer !== null) {
      await Promise.all(one.sessions.map(({ id }) => this._do('DELETE', `api/sessions/${id}`)));
    }
  }

  private async _release(one: IPerson): Promise<void> {
    const trans = this._trans;
    const answer = await ask(this._trans, {
      title: trans.__('Take the machine of %1 back?', one.name),
      text: trans.__('Whoever is next gets it as it is. What %1 has not saved may be lost.', one.name),
      yes: trans.__('Release')
    });
    if (answer !== null) {
      await this._do(
        'DELETE',
        `api/leases/${encodeURIComponent(one.target)}/of/${encodeURIComponent(one.name)}`
      );
    }
  }

  private async _do(method: string, path: string, body?: string): Promise<void> {
    const response = await fetchAPI(this._root + path, {
      method,
      body,
      headers: { 'Content-Type': 'application/json' }
    }).catch(() => null);
    await this.refresh();
    if (!response?.ok) {
      this._say(response ? await sentenceOf(response) : this._trans.__('The server does not answer.'));
    }
  }

  private _ago(when: string | null): string {
    if (when === null) {
      return this._trans.__('never');
    }
    const minutes = Math.round((Date.now() - Date.parse(when)) / 60000);
    if (minutes < 1) {
      return this._trans.__('just now');
    }
    return minutes < 60
      ? this._trans.__('%1 min ago', String(minutes))
      : this._trans.__('%1 h ago', String(Math.round(minutes / 60)));
  }

  private _say(sentence: string): void {
    this._part('trouble').textContent = sentence;
  }

  private _part(id: string): HTMLElement {
    return this._body.querySelector<HTMLElement>(`#${id}`)!;
  }

  private readonly _root: string;
  private readonly _filter = this._body.querySelector<HTMLInputElement>('#filter')!;
  private readonly _all = this._body.querySelector<HTMLButtonElement>('#everybody')!;
  private _room: IRoom = { sessions: [], machines: [], waiting: [] };
}

/** Write cells into a row; cells of buttons are made anew only when they are others. */
function fillRow(row: HTMLTableRowElement, cells: (string | Node[])[], labels: readonly string[]): void {
  cells.forEach((cell, at) => {
    const node =
      row.cells[at] ?? row.appendChild(element('td', { attributes: { 'data-label': labels[at] ?? '' } }));
    const words = typeof cell === 'string' ? cell : cell.map(one => one.textContent).join('|');
    if (node.dataset.words !== words) {
      node.dataset.words = words;
      node.replaceChildren(...(typeof cell === 'string' ? [cell] : cell));
    }
  });
}

const machineKey = ({ target, machine }: IMachine): string => JSON.stringify([target, machine]);

/** What the server says of its refusal. */
async function sentenceOf(response: Response): Promise<string> {
  const body = (await response.json().catch(() => null)) as { message?: unknown } | null;
  return typeof body?.message === 'string' ? body.message : response.statusText;
}

const { root = './', version = '' } = document.body.dataset;
void translation(root, version).then(trans => {
  translatePage(document.body, trans);
  void new RoomPage(document.body, trans).refresh();
});
