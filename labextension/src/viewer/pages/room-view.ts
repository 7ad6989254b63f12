/**
 * Which of the people the course room shows, and in which order: by what they are doing, and by a column.
 */
import { type IPerson, isHere } from './room-rows';
import { button, element } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';

/** What somebody is doing; each row has one, and all but the first two are reasons to look. */
export type State = 'here' | 'waits' | 'idle' | 'away' | 'starts' | 'gone' | 'absent';

/** After how long without input somebody is idle (milliseconds). */
const IDLE = 10 * 60_000;

/** What somebody is doing. */
export function stateOf(one: IPerson): State {
  if (one.gone !== null || one.waits) {
    return one.gone !== null ? 'gone' : 'waits';
  }
  if (one.absent) {
    return 'absent';
  }
  if (!isHere(one)) {
    return one.starts ? 'starts' : 'away';
  }
  // Whoever has only just come has had no time for any input.
  return Date.now() - Date.parse(one.lastInput ?? one.since) < IDLE ? 'here' : 'idle';
}

type Kind = 'all' | 'hand' | State | 'watched';

/** All are all who are in the room: of a large course most may be absent. */
const isOf = (one: IPerson, kind: Kind): boolean =>
  kind === 'all' ? !one.absent : (ALSO[kind]?.(one) ?? stateOf(one) === kind);

/** What somebody may be beside their state. */
const ALSO: Readonly<Partial<Record<Kind, (one: IPerson) => boolean>>> = {
  hand: ({ hand }) => hand !== null,
  watched: ({ watchers }) => watchers.length > 0
};

/** How many people there are of each kind; a press shows these only. */
export class Counts {
  /**
   * @param box - an empty group
   * @param changed - told when others were chosen
   */
  constructor(box: HTMLElement, trans: ITranslate, changed: () => void) {
    const words: Readonly<Record<Kind, string>> = {
      all: trans.__('all'),
      hand: trans.__('hand up'),
      here: trans.__('here'),
      idle: trans.__('idle'),
      waits: trans.__('in the queue'),
      away: trans.__('away'),
      starts: trans.__('starting'),
      gone: trans.__('disconnected'),
      watched: trans.__('watched'),
      absent: trans.__('absent')
    };
    for (const [kind, word] of Object.entries(words) as [Kind, string][]) {
      const count = element('b');
      const choose = (): void => {
        this._chosen = kind;
        changed();
      };
      const node = button({ className: 'jp-VNC-button', onClick: choose, attributes: { 'data-kind': kind } });
      node.append(`${word} `, count);
      box.append(node);
      this._kinds.set(kind, { node, count });
    }
  }

  /** Count people; return those whom the page shows. */
  of(people: readonly IPerson[]): IPerson[] {
    this._kinds.forEach(({ node, count }, kind) => {
      const there = people.filter(one => isOf(one, kind)).length;
      const chosen = kind === this._chosen;
      count.textContent = String(there);
      node.setAttribute('aria-pressed', String(chosen));
      // What is chosen stays while it is empty: it says why nobody is shown.
      node.hidden = there === 0 && kind !== 'all' && !chosen;
    });
    return people.filter(one => isOf(one, this._chosen));
  }

  private readonly _kinds = new Map<Kind, { node: HTMLElement; count: HTMLElement }>();
  private _chosen: Kind = 'all';
}

/** Whoever asks for help comes first in every order, and of them whoever has waited longest. */
function handsFirst(people: readonly IPerson[]): IPerson[] {
  const up = people.filter(({ hand }) => hand !== null);
  up.sort((one, other) => Date.parse(one.hand!) - Date.parse(other.hand!));
  return [...up, ...people.filter(({ hand }) => hand === null)];
}

/** By what the rows can be sorted; those that are equal stay in the order of names. */
const KEYS: Readonly<Record<string, (one: IPerson) => string>> = {
  name: () => '',
  where: one => JSON.stringify([one.server === null, one.target, one.machine, one.server]),
  since: one => one.since,
  // Idle ones come first, and before them whoever has not done anything yet.
  input: one => one.lastInput ?? ''
};

/** The order of the rows, which the heads of columns change. */
export class Order {
  /**
   * @param head - the head of a table; its buttons have `data-sort`
   * @param changed - told when there is another order
   */
  constructor(
    private readonly _head: HTMLElement,
    changed: () => void
  ) {
    _head.addEventListener('click', event => {
      const by = (event.target as Element).closest<HTMLElement>('[data-sort]')?.dataset.sort;
      if (by !== undefined) {
        this._down = by === this._by && !this._down;
        this._by = by;
        this._mark();
        changed();
      }
    });
    this._mark();
  }

  /** Sort people, who are in the order of names. */
  of(people: readonly IPerson[]): IPerson[] {
    const key = KEYS[this._by] ?? KEYS.name!;
    const keys = new Map(people.map(one => [one, key(one)]));
    const sorted = [...people].sort((one, other) => {
      const [first, second] = [keys.get(one)!, keys.get(other)!];
      return first < second ? -1 : first > second ? 1 : 0;
    });
    return handsFirst(this._down ? sorted.reverse() : sorted);
  }

  private _mark(): void {
    for (const node of this._head.querySelectorAll<HTMLElement>('[data-sort]')) {
      const sort = node.dataset.sort !== this._by ? 'none' : this._down ? 'descending' : 'ascending';
      node.closest('th')!.setAttribute('aria-sort', sort);
    }
  }

  private _by = 'name';
  private _down = false;
}
