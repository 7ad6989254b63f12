/**
 * What stands on the tiles of a wall, in which order, and how large they are. No DOM.
 */
import { type IPerson, isHere } from './room-rows';
import type { ITranslate } from '../ui/i18n';
import { activity, ago } from './room-words';
import { type State, stateOf } from './room-view';

/** The narrowest and the widest tile, and the gap between two (pixels); what stands below its picture is so high. */
const NARROWEST = 148;
const WIDEST = 480;
const GAP = 8;
const CAPTION = 60;

/** Pictures have the shape of most screens. */
const SHAPE = 16 / 10;

/** Who needs somebody most; a hand that is up comes before all. */
const NEED: readonly State[] = ['idle', 'waits', 'starts', 'here', 'away', 'gone', 'absent'];

/** Sort people, who are in the order of names, by how much they need somebody. */
export function byNeed(people: readonly IPerson[]): IPerson[] {
  const keys = new Map(people.map(one => [one, keyOf(one)]));
  return [...people].sort((one, other) => {
    const [[rank, since], [otherRank, otherSince]] = [keys.get(one)!, keys.get(other)!];
    return rank - otherRank || since - otherSince;
  });
}

/** Where somebody stands, and of those who stand there whoever has waited the longest comes first. */
function keyOf(one: IPerson): [number, number] {
  const state = stateOf(one);
  if (one.hand !== null) {
    return [-1, Date.parse(one.hand)];
  }
  const longest: Partial<Record<State, number>> = {
    idle: Date.parse(one.lastInput ?? one.since),
    waits: one.place ?? 0
  };
  return [NEED.indexOf(state), longest[state] ?? 0];
}

/** The width of a tile (pixels) with which so many fit into a window, as large as possible. */
export function tileWidth(count: number, width: number, height: number): number {
  const widest = Math.min(WIDEST, width);
  for (let columns = 1; columns <= count; columns += 1) {
    const tile = Math.floor(Math.min(widest, (width - GAP * (columns - 1)) / columns));
    const rows = Math.ceil(count / columns);
    if (tile <= NARROWEST) {
      break;
    }
    if (rows * (tile / SHAPE + CAPTION + GAP) <= height) {
      return tile;
    }
  }
  return Math.min(NARROWEST, width);
}

/** What somebody does, in a few words that stand by themselves. */
export function doing(trans: ITranslate, one: IPerson): string {
  if (one.hand !== null || !isHere(one)) {
    return activity(trans, one);
  }
  if (one.waits) {
    return one.place === null ? activity(trans, one) : trans.__('number %1 in the queue', String(one.place));
  }
  return one.lastInput === null
    ? trans.__('no input yet')
    : trans.__('last input %1', ago(trans, one.lastInput));
}

/** Why there is no picture. */
export function unseen(trans: ITranslate, one: IPerson): string {
  if (one.absent) {
    return trans.__('absent');
  }
  if (one.waits) {
    return trans.__('in the queue');
  }
  return isHere(one) ? trans.__('No picture') : trans.__('Nobody is at this desktop');
}
