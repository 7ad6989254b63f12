/**
 * The course room, for instructors: who is using which machine, and what can be done about it.
 */
import { ask } from '../ui/dialog';
import { button } from '../ui/dom';
import { noAnswer, readJSON, refusal, TokenRefused } from '../connection/grant';
import { type IPerson, type IRoom, isHere, peopleIn } from './room-rows';
import { refusals } from '../connection/status';
import { type IRow, type IRowAction, LiveTable } from '../ui/live-table';
import type { ITranslate } from '../ui/i18n';
import { activity, ago, machineCounts, machineRow, place } from './room-words';
import { Counts, Order, stateOf } from './room-view';
import { fetchAPI } from './http';
import { Latest } from '../ui/latest-answer';
import { unattended } from '../ui/report';

/** How often the server is asked (milliseconds). */
const INTERVAL = 5000;

/** The longest message (characters); the server has the same limit. */
const LONGEST = 500;

/** The page. */
export class RoomPage {
  constructor(
    private readonly _body: HTMLElement,
    private readonly _trans: ITranslate
  ) {
    this._root = _body.dataset.root ?? './';
    this._tables = {
      people: new LiveTable(this._part('people'), (key, id) => unattended(this._act(key, id))),
      waiting: new LiveTable(this._part('waiting')),
      machines: new LiveTable(this._part('machines'))
    };
    const show = (): void => this._show();
    this._counts = new Counts(this._part('counts'), _trans, show);
    this._order = new Order(this._part('people').querySelector('thead')!, show);
    this._filter.addEventListener('input', show);
    this._all.addEventListener('click', () => unattended(this._writeToAll()));
  }

  /** Ask now, and again for as long as somebody looks. */
  watch(): void {
    const look = (): void => unattended(document.hidden ? undefined : this.refresh());
    window.setInterval(look, INTERVAL);
    document.addEventListener('visibilitychange', look);
    look();
  }

  /** Ask the server, and show what it says. */
  async refresh(): Promise<void> {
    const answer = await this._latest.of(this._fetch().catch(noAnswer));
    if (answer === undefined) {
      return; // It was overtaken, and says what was.
    }
    if (answer instanceof TokenRefused) {
      this._complain(this._sentence(answer), answer.status === 401);
    } else {
      this._room = answer;
      this._show();
      this._complain('');
    }
  }

  private async _fetch(): Promise<IRoom> {
    const response = await fetchAPI(`${this._root}api/room`);
    const room = await readJSON(response);
    if (!response.ok || !isRoom(room)) {
      throw refusal(response, room);
    }
    return room;
  }

  private _show(): void {
    const trans = this._trans;
    const { machines, waiting } = this._room;
    const titles = new Map(machines.map(({ target, title }) => [target, title]));
    const titleOf = (target: string): string => titles.get(target) ?? target;
    this._people = new Map(peopleIn(this._room).map(one => [one.key, one]));
    const wanted = this._filter.value.trim().toLowerCase();
    const people = this._counts.of([...this._people.values()]);
    const rows = this._order.of(people).map(one => this._person(one, titleOf(one.target)));
    // That nobody is there and that nothing matches the filter are two different sentences.
    this._part('people').querySelector('[data-empty]')!.textContent = [...this._people.values()].some(
      one => !one.absent
    )
      ? trans.__('No person or machine matches.')
      : trans.__('None of the people you supervise is at a desktop now. They appear here when they connect.');
    this._tables.people.show(
      rows.filter(({ cells }) => `${cells[0]} ${cells[1]}`.toLowerCase().includes(wanted))
    );
    this._tables.waiting.show(
      waiting.map(({ target, place, user, since }) => ({
        key: JSON.stringify([target, place]),
        cells: [String(place), user ?? trans.__('somebody'), titleOf(target), ago(trans, since)]
      }))
    );
    this._tables.machines.show(machines.map(one => machineRow(trans, one)));
    this._part('machine-counts').textContent = machineCounts(trans, machines);
    this._all.disabled = ![...this._people.values()].some(isHere);
  }

  private _person(one: IPerson, title: string): IRow {
    const { key, name, since, watchers } = one;
    const trans = this._trans;
    const others = watchers.map(watcher => watcher ?? trans.__('somebody')).join(', ');
    const cells = [name, place(trans, one, title), ago(trans, since), activity(trans, one), others];
    return {
      key,
      cells,
      about: name,
      state: one.hand === null ? stateOf(one) : 'hand',
      actions: this._actions(one)
    };
  }

  private _actions(one: IPerson): IRowAction[] {
    const trans = this._trans;
    const of = `${this._root}view/${encodeURIComponent(one.target)}/of/${encodeURIComponent(one.name)}`;
    const href = one.server === null ? of : `${of}/server/${encodeURIComponent(one.server)}`;
    return [
      ...(one.shown ? [{ id: 'look', word: trans.__('Look in'), href }] : []),
      ...(isHere(one) ? [{ id: 'write', word: trans.__('Message') }] : []),
      ...(isHere(one) ? [{ id: 'end', word: trans.__('End') }] : []),
      ...(one.holds ? [{ id: 'release', word: trans.__('Release') }] : [])
    ];
  }

  private async _act(key: string, id: string): Promise<void> {
    const one = this._people.get(key);
    if (one) {
      await { write: this._write, end: this._end, release: this._release }[id]?.call(this, one);
    }
  }

  /** Those of the people who are here by now, as they are: writing takes time, and pages are reloaded meanwhile. */
  private async _present(keys: readonly string[] | null): Promise<IPerson[]> {
    await this.refresh();
    return [...this._people.values()].filter(one => isHere(one) && (keys?.includes(one.key) ?? true));
  }

  private async _write(one: IPerson): Promise<void> {
    const text = await this._askForText(this._trans.__('Message to %1', one.name));
    if (text !== null) {
      await this._send(await this._present([one.key]), text, one.name);
    }
  }

  private async _writeToAll(): Promise<void> {
    const trans = this._trans;
    const text = await this._askForText(trans.__('Message to everybody in the room'));
    if (text !== null) {
      await this._send(await this._present(null), text, trans.__('everybody'));
    }
  }

  private _askForText(title: string): Promise<string | null> {
    return ask(this._trans, { title, yes: this._trans.__('Send'), longest: LONGEST });
  }

  /** Send to all sessions of these people, and say who got it and who did not. */
  private async _send(people: readonly IPerson[], text: string, whom: string): Promise<void> {
    const trans = this._trans;
    const body = JSON.stringify({ text });
    const results = await Promise.all(
      people.map(async ({ name, sessions }) => {
        const said = sessions.map(({ id }) => this._do('POST', `api/sessions/${id}/messages`, body));
        return { name, troubles: (await Promise.all(said)).filter(Boolean), of: sessions.length };
      })
    );
    const missed = results.filter(({ troubles, of }) => troubles.length === of);
    if (people.length === 0) {
      this._say(trans.__('Nobody is there any more to read it: %1.', whom));
    } else if (missed.length > 0) {
      const names = missed.map(one => one.name).join(', ');
      this._say(trans.__('The message did not reach %1: %2', names, missed[0]!.troubles[0] ?? ''));
    } else {
      this._say(trans.__('The message was sent to %1.', results.map(one => one.name).join(', ')));
    }
    await this.refresh();
  }

  private async _end(one: IPerson): Promise<void> {
    const trans = this._trans;
    const answer = await ask(trans, {
      title: trans.__('End the session of %1?', one.name),
      text: trans.__('The desktop keeps running, and %1 may connect again.', one.name),
      yes: trans.__('End')
    });
    if (answer !== null) {
      const sessions = (await this._present([one.key])).flatMap(now => now.sessions);
      await this._report(
        sessions.map(({ id }) => this._do('DELETE', `api/sessions/${id}`)),
        sessions.length > 0
          ? trans.__('The session of %1 was ended.', one.name)
          : trans.__('%1 had left already.', one.name)
      );
    }
  }

  private async _release(one: IPerson): Promise<void> {
    const trans = this._trans;
    const answer = await ask(trans, {
      title: trans.__('Take the machine of %1 back?', one.name),
      text: trans.__('Whoever is next gets it as it is. What %1 has not saved may be lost.', one.name),
      yes: trans.__('Release')
    });
    if (answer !== null) {
      const path = `api/leases/${encodeURIComponent(one.target)}/of/${encodeURIComponent(one.name)}`;
      await this._report(
        [this._do('DELETE', path)],
        trans.__('The machine of %1 was taken back. Whoever is next gets it.', one.name)
      );
    }
  }

  /** Say what was done once all of it is, or else what went wrong. */
  private async _report(deeds: readonly Promise<string>[], done: string): Promise<void> {
    this._say((await Promise.all(deeds)).find(Boolean) ?? done);
    await this.refresh();
  }

  /** Make a request; return what went wrong. What is gone already is as good as removed. */
  private async _do(method: string, path: string, body?: string): Promise<string> {
    try {
      const headers = { 'Content-Type': 'application/json' };
      const response = await fetchAPI(this._root + path, { method, body, headers });
      const done = response.ok || (method === 'DELETE' && response.status === 404);
      return done ? '' : this._sentence(refusal(response, await readJSON(response)));
    } catch (error) {
      return this._sentence(error);
    }
  }

  /** What a failure means: in the server's words where it has any. */
  private _sentence(error: unknown): string {
    const trans = this._trans;
    const { status, message } = noAnswer(error);
    const known = [0, 401, 503].includes(status) ? refusals(trans)[status]?.sentence : undefined;
    return message || known || trans.__('Something went wrong in the server.');
  }

  /** Say what is wrong for as long as it is. */
  private _complain(sentence: string, login = false): void {
    const trouble = this._part('trouble');
    if (trouble.dataset.said !== sentence) {
      trouble.dataset.said = sentence;
      const text = this._trans.__('Log in');
      const again = button({ className: 'jp-VNC-button', text, onClick: () => window.location.reload() });
      trouble.replaceChildren(sentence, ...(login ? [' ', again] : []));
    }
  }

  /** Say what came of the last deed. */
  private _say(sentence: string): void {
    this._part('result').textContent = sentence;
  }

  private _part(id: string): HTMLElement {
    return this._body.querySelector<HTMLElement>(`#${id}`)!;
  }

  private readonly _root: string;
  private readonly _tables: Readonly<Record<'people' | 'waiting' | 'machines', LiveTable>>;
  private readonly _counts: Counts;
  private readonly _order: Order;
  private readonly _filter = this._body.querySelector<HTMLInputElement>('#filter')!;
  private readonly _all = this._body.querySelector<HTMLButtonElement>('#everybody')!;
  private _room: IRoom = { sessions: [], machines: [], waiting: [], servers: [], absent: [] };
  private _people: ReadonlyMap<string, IPerson> = new Map();
  private readonly _latest = new Latest();
}

function isRoom(body: unknown): body is IRoom {
  const room = body as Partial<Record<keyof IRoom, unknown>> | null;
  return [room?.sessions, room?.machines, room?.waiting, room?.servers, room?.absent].every(Array.isArray);
}
