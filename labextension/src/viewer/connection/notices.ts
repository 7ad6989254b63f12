/**
 * Notes: what the server says beside the picture. They come as text on the websocket whose binary messages are RFB.
 */
import type { IPresence } from '../session';
import type { ITranslate } from '../ui/i18n';
import { isWebAddress } from '../ui/links';

/** The subprotocol to offer; a viewer that does not offer it gets no notes. */
export const NOTES = 'vnc.notes';

/** A message from an instructor or an admin; as a link, it is a web address that they want the reader to open. */
export interface IMessage {
  readonly kind: 'message' | 'link';
  readonly text: string;
  readonly sender: string;
}

/** No machine is free; the reader waits for one. */
export interface IPlace {
  readonly kind: 'place';
  readonly place: number;
  readonly waiting: number;
  readonly size: number;
  /** How many failed and are tried again later. */
  readonly aside: number;
}

/** Who is at the desktop by now: somebody came, or left. */
export interface IComing {
  readonly kind: 'viewers';
  /** The reader's own sessions, whoever is in control, and others, of whom there may be more. */
  readonly viewers: readonly IPresence[];
  /** How many there are in all. */
  readonly count: number;
}

/** The reader's machine is taken back because they do nothing. */
export interface IIdle {
  readonly kind: 'idle';
  /** Seconds until then; 0 where it is not taken back after all. */
  readonly seconds: number;
}

/** Which session this is; for desktops that can be heard. */
export interface IOwnSession {
  readonly kind: 'session';
  readonly id: string;
}

/** Those who supervise the reader can see this session; comes again whenever anything of it has changed. */
export interface IOverseen {
  readonly kind: 'overseen';
  /** Whether they are there to see a hand. */
  readonly hands: boolean;
  /** Whether they may look at the desktop. */
  readonly looks: boolean;
  /** Since when the reader's hand is up; null while it is not. */
  readonly since: string | null;
}

/** An instructor has opened a wall with this desktop on it, or closed it. */
export interface IWall {
  readonly kind: 'wall';
  /** Seconds between two pictures that the viewer should send; 0 for none. */
  readonly every: number;
}

/** Somebody holds the input at this desktop, or nobody does any more. */
export interface IHeld {
  readonly kind: 'held';
  /** Null for nobody. */
  readonly by: string | null;
  readonly why: string | null;
  /** A sentence of theirs; empty for none. */
  readonly text: string;
}

export type Note = IMessage | IPlace | IComing | IIdle | IOwnSession | IOverseen | IWall | IHeld;

/**
 * Take the notes out of what a websocket receives, before anybody else sees its messages.
 *
 * @param socket - nobody may listen to its messages yet
 * @param take - gets each note; what is none is dropped
 */
export function takeNotes(socket: WebSocket, take: (note: Note) => void): void {
  socket.addEventListener('message', event => {
    if (typeof event.data === 'string') {
      event.stopImmediatePropagation();
      const note = read(event.data);
      if (note) {
        take(note);
      }
    }
  });
}

function read(text: string): Note | null {
  try {
    const note = JSON.parse(text) as Record<string, unknown>;
    return SHAPES[String(note.kind)]?.(note) ? (note as unknown as Note) : null;
  } catch {
    return null;
  }
}

const SHAPES: Readonly<Record<string, (note: Record<string, unknown>) => boolean>> = {
  message: ({ text, sender }) => typeof text === 'string' && typeof sender === 'string',
  link: ({ text, sender }) => typeof text === 'string' && isWebAddress(text) && typeof sender === 'string',
  place: note => [note.place, note.size, note.aside].every(value => typeof value === 'number'),
  viewers: ({ viewers, count }) =>
    Array.isArray(viewers) && viewers.every(isPresence) && typeof count === 'number',
  idle: ({ seconds }) => typeof seconds === 'number',
  session: ({ id }) => typeof id === 'string',
  held: ({ by, why, text }) => [by, why].every(isNullOrText) && typeof text === 'string',
  wall: ({ every }) => typeof every === 'number',
  overseen: ({ hands, looks, since }) =>
    typeof hands === 'boolean' && typeof looks === 'boolean' && (since === null || typeof since === 'string')
};

const isNullOrText = (value: unknown): boolean => value === null || typeof value === 'string';

function isPresence(row: unknown): row is IPresence {
  const { user, mode, you } = (row ?? {}) as Record<string, unknown>;
  return typeof user === 'string' && (mode === 'view' || mode === 'control') && typeof you === 'boolean';
}

/** Who may see the reader's desktop, as a sentence. */
export function overseenWords(trans: ITranslate, { looks }: IOverseen): string {
  return looks
    ? trans.__('Your instructors may look at this desktop. You see here who does, for as long as they look.')
    : trans.__('Your instructors see that you are at this desktop. They cannot look at it.');
}

/** That pictures of the reader's desktop are shown, as a sentence. */
export const wallWords = (trans: ITranslate): string =>
  trans.__('Your instructors see small pictures of this desktop now.');

/** The sentence for somebody who waits for a machine. */
export function placeWords(trans: ITranslate, { place, size, aside }: IPlace): string {
  const [machines, broken, number] = [size, aside, place].map(String) as [string, string, string];
  if (aside > 0) {
    return place === 1
      ? trans._n(
          '%1 machine is not free; out of order for now: %2. You are next: a machine that becomes free is yours.',
          'No machine of %1 is free; out of order for now: %2. You are next: a machine that becomes free is yours.',
          size,
          machines,
          broken
        )
      : trans._n(
          '%1 machine is not free; out of order for now: %2. You are number %3 in the queue. Stay on this page to keep your place.',
          'No machine of %1 is free; out of order for now: %2. You are number %3 in the queue. Stay on this page to keep your place.',
          size,
          machines,
          broken,
          number
        );
  }
  return place === 1
    ? trans._n(
        'There is %1 machine, and it is taken. You are next: a machine that becomes free is yours.',
        'All %1 machines are taken. You are next: a machine that becomes free is yours.',
        size,
        machines
      )
    : trans._n(
        'There is %1 machine, and it is taken. You are number %2 in the queue. Stay on this page to keep your place.',
        'All %1 machines are taken. You are number %2 in the queue. Stay on this page to keep your place.',
        size,
        machines,
        number
      );
}
