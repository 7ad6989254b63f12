/**
 * The course room, for instructors: who is using which machine, and what can be done about it.
 */
import { Attention } from './room-attention';
import { button } from '../ui/dom';
import { noAnswer, TokenRefused } from '../connection/grant';
import { type IPerson, type IRoom, isHere, peopleIn } from './room-rows';
import { type IRow, LiveTable } from '../ui/live-table';
import type { ITranslate } from '../ui/i18n';
import { activity, ago, machineCounts, machineRow, place } from './room-words';
import { Counts, Order, stateOf } from './room-view';
import { Crowd } from './room-crowd';
import { Deeds } from './room-deeds';
import { Latest } from '../ui/latest-answer';
import { RoomServer } from './room-server';
import { unattended } from '../ui/report';
import { Views } from './room-views';

/** How often the server is asked (milliseconds). */
const INTERVAL = 5000;

/** The page. */
export class RoomPage {
  constructor(
    private readonly _body: HTMLElement,
    private readonly _trans: ITranslate
  ) {
    const { root = './', version = '' } = _body.dataset;
    this._server = new RoomServer(root, _trans);
    const page = {
      present: (keys: readonly string[] | null) => this._present(keys),
      say: (sentence: string) => this._say(sentence),
      refresh: () => this.refresh()
    };
    this._deeds = new Deeds(this._server, _trans, page);
    const attention = new Attention(this._part('attention'), this._server, _trans);
    this._crowd = new Crowd(this._body.querySelector('#crowd')!, this._server, _trans, page, [
      attention.deed
    ]);
    const act = (key: string, id: string): void => unattended(this._act(key, id));
    this._tables = {
      people: new LiveTable(this._part('people'), act),
      waiting: new LiveTable(this._part('waiting')),
      machines: new LiveTable(this._part('machines'))
    };
    const show = (): void => this._show();
    this._counts = new Counts(this._part('counts'), _trans, show);
    this._order = new Order(this._part('people').querySelector('thead')!, show);
    this._views = new Views(this._part('people'), _trans, {
      server: this._server,
      version,
      offered: one => this._deeds.offered(one),
      act,
      show,
      say: page.say,
      complain: sentence => {
        this._noPictures = sentence;
        this._complain();
      }
    });
    this._filter.addEventListener('input', show);
    this._all.addEventListener('click', () => unattended(this._deeds.writeToAll()));
  }

  /** Ask now, and again for as long as somebody looks. */
  watch(): void {
    const look = (): void => {
      this._views.visible = !document.hidden;
      unattended(document.hidden ? undefined : this.refresh());
    };
    window.setInterval(look, INTERVAL);
    document.addEventListener('visibilitychange', look);
    look();
  }

  /** Ask the server, and show what it says. */
  async refresh(): Promise<void> {
    const answer = await this._latest.of(this._server.room().catch(noAnswer));
    if (answer === undefined) {
      return; // It was overtaken, and says what was.
    }
    if (answer instanceof TokenRefused) {
      this._noRoom = this._server.sentence(answer);
      this._complain(answer.status === 401);
    } else {
      this._room = answer;
      this._show();
      this._noRoom = '';
      this._complain();
    }
  }

  private _show(): void {
    const trans = this._trans;
    const { machines, waiting } = this._room;
    const titles = new Map(machines.map(({ target, title }) => [target, title]));
    const titleOf = (target: string): string => titles.get(target) ?? target;
    this._people = new Map(peopleIn(this._room).map(one => [one.key, one]));
    const wanted = this._filter.value.trim().toLowerCase();
    const where = (one: IPerson): string => place(trans, one, titleOf(one.target));
    const all = [...this._people.values()];
    const people = this._counts
      .of(all)
      .filter(one => `${one.name} ${where(one)}`.toLowerCase().includes(wanted));
    // That nobody is there and that nothing matches the filter are two different sentences.
    this._part('people').querySelector('[data-empty]')!.textContent = all.some(one => !one.absent)
      ? trans.__('No person or machine matches.')
      : trans.__('None of the people you supervise is at a desktop now. They appear here when they connect.');
    this._tables.people.show(this._order.of(people).map(one => this._person(one, where(one))));
    this._crowd.show(people, where);
    this._views.show(people, where, all);
    this._tables.waiting.show(
      waiting.map(({ target, place, user, since }) => ({
        key: JSON.stringify([target, place]),
        cells: [String(place), user ?? trans.__('somebody'), titleOf(target), ago(trans, since)]
      }))
    );
    this._tables.machines.show(machines.map(one => machineRow(trans, one)));
    this._part('machine-counts').textContent = machineCounts(trans, machines);
    this._all.disabled = !all.some(isHere);
  }

  private _person(one: IPerson, where: string): IRow {
    const { key, name, since, watchers } = one;
    const trans = this._trans;
    const others = watchers.map(watcher => watcher ?? trans.__('somebody')).join(', ');
    return {
      key,
      cells: [name, where, ago(trans, since), activity(trans, one), others],
      about: name,
      state: one.hand === null ? stateOf(one) : 'hand',
      actions: this._deeds.offered(one)
    };
  }

  private async _act(key: string, id: string): Promise<void> {
    const one = this._people.get(key);
    if (one) {
      await this._deeds.act(id, one);
    }
  }

  /** A question of its own: what the page shows may be of before, where an answer was overtaken. */
  private async _present(keys: readonly string[] | null): Promise<IPerson[] | null> {
    const room = await this._server.room().catch(noAnswer);
    if (room instanceof TokenRefused) {
      const why = this._server.sentence(room);
      this._say(this._trans.__('Nothing was done, because it is not known who is there now. %1', why));
      return null;
    }
    return peopleIn(room).filter(one => isHere(one) && (keys?.includes(one.key) ?? true));
  }

  /** Say what is wrong for as long as it is: with the room, or else with the pictures of the wall. */
  private _complain(login = false): void {
    const sentence = this._noRoom || this._noPictures;
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

  private readonly _server: RoomServer;
  private readonly _deeds: Deeds;
  private readonly _crowd: Crowd;
  private readonly _tables: Readonly<Record<'people' | 'waiting' | 'machines', LiveTable>>;
  private readonly _counts: Counts;
  private readonly _order: Order;
  private readonly _views: Views;
  private readonly _filter = this._body.querySelector<HTMLInputElement>('#filter')!;
  private readonly _all = this._body.querySelector<HTMLButtonElement>('#everybody')!;
  private _room: IRoom = { sessions: [], machines: [], waiting: [], servers: [], absent: [] };
  private _people: ReadonlyMap<string, IPerson> = new Map();
  private _noRoom = '';
  private _noPictures = '';
  private readonly _latest = new Latest();
}
