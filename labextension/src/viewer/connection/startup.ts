/**
 * What the server says of a desktop that it is starting, and why one has failed.
 */
import { type IClock, Timer } from '../ui/clock';
import type { IStatus } from './connection';
import { readJSON, refusal } from './grant';
import { Emitter } from '../ui/emitter';
import { IN_LINE } from './status';
import type { ITranslate } from '../ui/i18n';
import { Latest } from '../ui/latest-answer';
import { unattended } from '../ui/report';

/** How often the server is asked (milliseconds). A desktop that starts at once is not asked for. */
export const STARTUP_INTERVAL = 700;

/** So many last lines of a log are shown. */
const LINES = 8;

/** What the server is asked to do with a desktop of its own. */
export type StartAction = 'start' | 'restart';

/** A desktop that the server can start, seen from the viewer. */
export interface IManaged {
  /** What the server says of it at present; null if it is not the server's to start. */
  readonly news: () => Promise<string | null>;
  /** The end of its log. */
  readonly log: () => Promise<string>;
  /** Where the log can be read as a page. */
  readonly logPage: string;
  /**
   * Have the server start it, or end its programs and start it anew, however often it failed before.
   *
   * @throws TokenRefused - with the reason, when it does not run afterwards
   */
  readonly start: (action: StartAction, signal?: AbortSignal) => Promise<void>;
}

/** A row of `GET api/desktops`, as far as it matters here. */
interface IDesktopNews {
  readonly name: string;
  readonly message: string;
}

/**
 * A desktop that the server may start.
 *
 * @param root - URL of the service
 * @param name - the target's name
 * @param request - makes a request of a route below it
 */
export function managed(
  root: string,
  name: string,
  request: (path: string, init?: RequestInit) => Promise<Response>
): IManaged {
  const desktop = `api/desktops/${encodeURIComponent(name)}`;
  const path = `${desktop}/log`;
  return {
    start: async (action, signal) => {
      const headers = { 'Content-Type': 'application/json' };
      const init = { method: 'POST', body: JSON.stringify({ action }), headers };
      const response = await request(desktop, signal ? { ...init, signal } : init);
      if (!response.ok) {
        throw refusal(response, await readJSON(response));
      }
    },
    news: async () => {
      const rows = (await (await request('api/desktops')).json()) as IDesktopNews[];
      return rows.find(one => one.name === name)?.message ?? null;
    },
    log: async () => {
      const response = await request(path);
      return response.ok ? response.text() : '';
    },
    logPage: root + path
  };
}

/** Something to read below the sentence. */
export interface INews {
  readonly message: string;
  /** Last lines of the log; empty while nothing is wrong. */
  readonly log: string;
}

/** Watches the start of one desktop. */
export class Startup {
  /**
   * @param clock - when to ask
   * @param _trans - the words
   * @param _desktop - whom to ask; nobody where it is absent
   */
  constructor(
    clock: IClock,
    private readonly _trans: ITranslate,
    private readonly _desktop?: IManaged
  ) {
    this._timer = new Timer(clock);
  }

  /** Emits what there is to read. */
  readonly heard = new Emitter<INews>();

  /** A new situation: find out what there is to know about it. */
  follow({ phase, state }: IStatus): void {
    this._latest.drop();
    this._timer.clear();
    if (phase === 'starting' && state !== IN_LINE) {
      this._wait();
    } else if (state === 'desktop-failed') {
      unattended(this._readLog());
    }
  }

  /** Leave nothing behind. */
  dispose(): void {
    this._latest.drop();
    this._timer.clear();
    this.heard.clear();
  }

  private _wait(): void {
    this._timer.set(() => unattended(this._ask()), STARTUP_INTERVAL);
  }

  private async _ask(): Promise<void> {
    const news = await this._expect(this._desktop?.news());
    if (news !== null) {
      this.heard.emit({ message: wordsFor(this._trans, news), log: '' });
      this._wait();
    }
  }

  private async _readLog(): Promise<void> {
    const log = await this._expect(this._desktop?.log());
    const lines = (log ?? '').trimEnd().split('\n').slice(-LINES);
    if (lines.join('') !== '') {
      this.heard.emit({ message: '', log: lines.join('\n') });
    }
  }

  /** The answer, unless there is none, or it comes too late. */
  private async _expect(answer?: Promise<string | null>): Promise<string | null> {
    return (answer && (await this._latest.of(answer.catch(() => null)))) ?? null;
  }

  private readonly _timer: Timer;
  private readonly _latest = new Latest();
}

/** The server's few words, in the reader's language. */
function wordsFor(trans: ITranslate, news: string): string {
  const known: Record<string, string> = {
    'starting X': trans.__('Starting the X server…'),
    'starting session': trans.__('Starting the desktop session…')
  };
  return known[news] ?? news;
}
