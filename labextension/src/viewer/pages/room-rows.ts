/**
 * The rows of the course room, made from what the server says of sessions, machines and the queue.
 */
import type { ISession } from '../session';

/** A row of `sessions` in the answer to `GET api/room`. */
export interface IRoomSession extends ISession {
  readonly owner: string;
  readonly machine: string | null;
  readonly since: string;
  readonly last_input: string | null;
}

/** A row of `machines`. */
export interface IMachine {
  readonly target: string;
  readonly title: string;
  readonly machine: string;
  readonly state: 'free' | 'taken' | 'aside' | 'maintenance';
  readonly user: string | null;
  readonly since: string | null;
  readonly last_input: string | null;
  readonly retry_in: number | null;
}

/** A row of `waiting`; the user is not named to those whom they do not concern. */
export interface IWaiting {
  readonly target: string;
  readonly user: string | null;
  readonly place: number;
  readonly since: string;
}

/** The answer to `GET api/room`. */
export interface IRoom {
  readonly sessions: readonly IRoomSession[];
  readonly machines: readonly IMachine[];
  readonly waiting: readonly IWaiting[];
}

/** Somebody at a desktop, or away from a machine that is kept for them. */
export interface IPerson {
  readonly key: string;
  readonly name: string;
  readonly target: string;
  readonly machine: string | null;
  readonly since: string;
  readonly lastInput: string | null;
  /** Their own sessions there; none while they are away. */
  readonly sessions: readonly IRoomSession[];
  /** The others who have it on the screen. */
  readonly watchers: readonly string[];
  /** Whether they still wait for a machine. */
  readonly waits: boolean;
  /** Whether a machine can be taken back from them. */
  readonly holds: boolean;
}

/** One row for each person and desktop, in the order of names. */
export function peopleIn(room: IRoom): IPerson[] {
  const held = room.machines.filter(one => one.user !== null);
  const places = new Map<string, { name: string; target: string }>();
  for (const { owner, target } of room.sessions) {
    places.set(keyOf(owner, target), { name: owner, target });
  }
  for (const { user, target } of held) {
    places.set(keyOf(user!, target), { name: user!, target });
  }
  const rows = [...places].map(([key, { name, target }]) => person(key, name, target, room, held));
  return rows.sort(
    (one, other) => one.name.localeCompare(other.name) || one.target.localeCompare(other.target)
  );
}

function person(key: string, name: string, target: string, room: IRoom, held: readonly IMachine[]): IPerson {
  const here = room.sessions.filter(one => one.owner === name && one.target === target);
  const sessions = here.filter(one => one.user === name);
  const lease = held.find(one => one.user === name && one.target === target);
  const inputs = [lease?.last_input, ...sessions.map(one => one.last_input)].filter(Boolean) as string[];
  return {
    key,
    name,
    target,
    machine: lease?.machine ?? sessions[0]?.machine ?? null,
    since: lease?.since ?? here.map(one => one.since).sort()[0]!,
    lastInput: inputs.sort().pop() ?? null,
    sessions,
    watchers: here.filter(one => one.user !== name).map(one => one.user),
    waits: room.waiting.some(one => one.user === name && one.target === target),
    holds: lease !== undefined
  };
}

const keyOf = (name: string, target: string): string => JSON.stringify([name, target]);
