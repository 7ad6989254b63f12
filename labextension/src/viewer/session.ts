/**
 * Sessions, as the server describes them.
 */

/** `control`: work with the desktop; `view`: look at it, and nothing else. */
export type Mode = 'control' | 'view';

/** One live connection, as `GET api/sessions` describes it. */
export interface ISession {
  readonly id: string;
  readonly target: string;
  readonly mode: Mode;
  readonly user: string;
  /** When it began: ISO 8601, or seconds since 1970. */
  readonly since: string | number;
}

/** One session on a desktop, as others there know of it. */
export interface IPresence {
  readonly user: string;
  readonly mode: Mode;
  /** When it began: ISO 8601. Somebody who has reloaded the page is the same user with another one. */
  readonly since?: string;
  /** Whether it is a session of the reader: this one, or one in another window. */
  readonly you: boolean;
}
