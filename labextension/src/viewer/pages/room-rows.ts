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
  /** Since when its user asks for help; null while they do not. */
  readonly hand: string | null;
  /** What they ask for, where they say so. */
  readonly hand_sentence?: string;
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

/** A row of `servers`: somebody's own server, in which desktops run. */
export interface IUserServer {
  readonly owner: string;
  /** Empty for the default server. */
  readonly server: string;
  /** Since when it is not connected any more; null while it is. */
  readonly gone: string | null;
  /** Whether it lets anybody look. */
  readonly looks: boolean;
  readonly desktops: readonly { target: string; state: 'up' | 'starting'; since: string }[];
  /** Who has them on the screen; the user is not named to those whom they do not concern. */
  readonly viewers: readonly {
    id: string;
    target: string;
    user: string | null;
    since: string;
    last_input: string | null;
    hand: string | null;
    hand_sentence?: string;
  }[];
}

/** The answer to `GET api/room`. */
export interface IRoom {
  readonly sessions: readonly IRoomSession[];
  readonly machines: readonly IMachine[];
  readonly waiting: readonly IWaiting[];
  readonly servers: readonly IUserServer[];
  /** Members of the course who are in no other list. */
  readonly absent: readonly string[];
}

/** Somebody at a desktop, away from one that is kept or runs for them, or absent. */
export interface IPerson {
  readonly key: string;
  readonly name: string;
  readonly target: string;
  readonly machine: string | null;
  /** Their own server in which it runs, empty for the default one; null if it is none of theirs. */
  readonly server: string | null;
  readonly since: string;
  readonly lastInput: string | null;
  /** Since when they ask for help; null while they do not. */
  readonly hand: string | null;
  /** What they ask for; empty where they do not say. */
  readonly sentence: string;
  /** Their own sessions there; none while they are away. */
  readonly sessions: readonly { readonly id: string }[];
  /** The others who have it on the screen; null for those who are not named. */
  readonly watchers: readonly (string | null)[];
  /** Whether it is being started. */
  readonly starts: boolean;
  /** Since when their server is not connected any more; null while it is. */
  readonly gone: string | null;
  /** Whether they have no desktop at all. */
  readonly absent: boolean;
  /** Whether the reader can look in. */
  readonly shown: boolean;
  /** Whether they still wait for a machine. */
  readonly waits: boolean;
  /** Their place in the queue while they do; null where it is not known. */
  readonly place: number | null;
  /** Whether a machine can be taken back from them. */
  readonly holds: boolean;
}

/** Whether somebody is at their desktop. */
export const isHere = ({ sessions }: IPerson): boolean => sessions.length > 0;

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
  return [...rows, ...room.servers.flatMap(inServer), ...room.absent.map(nowhere)].sort(
    (one, other) => byName.compare(one.name, other.name) || byName.compare(one.target, other.target)
  );
}

/** Somebody who has no desktop. */
function nowhere(name: string): IPerson {
  return {
    key: JSON.stringify([name]),
    name,
    target: '',
    machine: null,
    server: null,
    since: '',
    lastInput: null,
    hand: null,
    sentence: '',
    sessions: [],
    watchers: [],
    shown: false,
    waits: false,
    place: null,
    holds: false,
    starts: false,
    gone: null,
    absent: true
  };
}

/** The desktops in somebody's own server. */
function inServer({ owner, server, gone, looks, desktops, viewers }: IUserServer): IPerson[] {
  return desktops.map(({ target, state, since }) => {
    const here = viewers.filter(one => one.target === target);
    const own = here.filter(one => one.user === owner);
    return {
      key: JSON.stringify([owner, target, server]),
      name: owner,
      target,
      machine: null,
      server,
      since,
      lastInput: latest(own.map(one => one.last_input)),
      hand: latest(own.map(one => one.hand)),
      sentence: sentenceOf(own),
      sessions: own,
      watchers: here.filter(one => one.user !== owner).map(one => one.user),
      shown: looks && gone === null && state === 'up',
      waits: false,
      place: null,
      holds: false,
      starts: state === 'starting',
      gone,
      absent: false
    };
  });
}

function person(key: string, name: string, target: string, room: IRoom, held: readonly IMachine[]): IPerson {
  const here = room.sessions.filter(one => one.owner === name && one.target === target);
  const sessions = here.filter(one => one.user === name);
  const queued = room.waiting.find(one => one.user === name && one.target === target);
  const lease = held.find(one => one.user === name && one.target === target);
  return {
    key,
    name,
    target,
    machine: lease?.machine ?? sessions[0]?.machine ?? null,
    since: lease?.since ?? here.map(one => one.since).sort()[0]!,
    server: null,
    lastInput: latest([lease?.last_input, ...sessions.map(one => one.last_input)]),
    hand: latest(sessions.map(one => one.hand)),
    sentence: sentenceOf(sessions),
    sessions,
    watchers: here.filter(one => one.user !== name).map(one => one.user),
    shown: queued === undefined,
    waits: queued !== undefined,
    place: queued?.place ?? null,
    holds: lease !== undefined,
    starts: false,
    gone: null,
    absent: false
  };
}

const sentenceOf = (sessions: readonly { readonly hand_sentence?: string }[]): string =>
  sessions.find(one => one.hand_sentence)?.hand_sentence ?? '';

/** The order of names; made once, because hundreds are compared. */
const byName = new Intl.Collator(undefined, { numeric: true });

/** The latest of times, which are all of one time zone; null if there is none. */
const latest = (times: readonly (string | null | undefined)[]): string | null =>
  times
    .filter(one => typeof one === 'string')
    .sort()
    .pop() ?? null;

const keyOf = (name: string, target: string): string => JSON.stringify([name, target]);
