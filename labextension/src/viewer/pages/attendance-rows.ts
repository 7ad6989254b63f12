/**
 * The rows of attendance: which time is asked for, and visits that are one stay.
 */
import type { ITranslate } from '../ui/i18n';
import type { IRow } from '../ui/live-table';

/** A row of the answer to `GET api/attendance`. */
export interface IVisit {
  readonly session: string;
  readonly user: string;
  readonly courses: readonly string[];
  readonly target: string;
  readonly machine: string | null;
  /** Their own server in which the desktop runs, empty for the default one; null if it is none of theirs. */
  readonly server: string | null;
  readonly began: string;
  /** Null while they are there. */
  readonly ended: string | null;
}

/** The answer. */
export interface IAttendance {
  readonly rows: readonly IVisit[];
  /** Where the next answer begins; null at the end. */
  readonly next: string | null;
  readonly courses: readonly string[];
  readonly kept_days: number;
}

/** Visits of one person at one desktop that are this much apart are one stay (milliseconds). */
const GAP = 5 * 60_000;

/** The begin of the first day and the end of the last one, in the time zone of the browser. */
export function bounds(first: string, last: string): { since: string; until: string } {
  return { since: midnight(first, 0), until: midnight(last, 1) };
}

/** Days have 23 to 25 hours where clocks change: the calendar of the browser knows. */
function midnight(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

/** Today, as a date input has it. */
export function today(now = new Date()): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${String(now.getFullYear()).padStart(4, '0')}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** Join visits to stays, the newest first: whoever loads a page again, or has it open twice, is there once. */
export function stays(visits: readonly IVisit[]): IVisit[] {
  const joined = new Map<string, IVisit[]>();
  for (const visit of [...visits].sort((one, other) => at(one.began) - at(other.began))) {
    const { user, target, machine, server } = visit;
    const key = JSON.stringify([user, target, machine, server]);
    const known = joined.get(key) ?? joined.set(key, []).get(key)!;
    const before = known.at(-1);
    if (before && at(visit.began) - at(before.ended) <= GAP) {
      const ended = at(visit.ended) > at(before.ended) ? visit.ended : before.ended;
      known[known.length - 1] = { ...before, ended };
    } else {
      known.push(visit);
    }
  }
  return [...joined.values()].flat().sort((one, other) => at(other.began) - at(one.began));
}

const at = (time: string | null): number => (time === null ? Infinity : Date.parse(time));

/** A stay as a row of the table. */
export function stayRow(trans: ITranslate, stay: IVisit, now = Date.now()): IRow {
  const { session, user, courses, began, ended } = stay;
  const until = ended === null ? trans.__('still there') : clock(ended);
  const minutes = Math.round(((ended === null ? now : at(ended)) - at(began)) / 60_000);
  return {
    key: session,
    cells: [user, where(trans, stay), courses.join(', '), clock(began), until, span(trans, minutes)]
  };
}

function where(trans: ITranslate, { target, machine, server }: IVisit): string {
  if (server !== null) {
    return server ? trans.__('%1 · own server %2', target, server) : trans.__('%1 · own server', target);
  }
  return machine ? `${target} · ${machine}` : target;
}

const clock = (time: string): string =>
  new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

function span(trans: ITranslate, minutes: number): string {
  const [hours, rest] = [Math.floor(minutes / 60), String(Math.max(0, minutes) % 60)];
  return hours > 0 ? trans.__('%1 h %2 min', String(hours), rest) : trans.__('%1 min', rest);
}
