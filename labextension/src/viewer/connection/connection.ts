/**
 * The life of a connection: attempts, the waits between them, and what the reader is told. No DOM.
 */
import { Attempt, type End, type IAttemptOptions } from './attempt';
import { Backoff } from './backoff';
import { Timer } from '../ui/clock';
import { Closings, detailOf } from './closing';
import { Emitter } from '../ui/emitter';
import { type IGrant, noAnswer } from './grant';
import { type IPlace, type Note, placeWords } from './notices';
import type { IRFB } from '../engine/novnc';
import { type IClosing, IN_LINE, type Phase, progress, type Remedy } from './status';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';

/** A connection counts as a success when it has held this long (milliseconds). */
export const STABLE_AFTER = 5000;

/** Answers to whoever may not start a desktop, or not this one: they may still connect to it. */
const NOT_OURS_TO_START = [403, 404];

/** What a connection needs from the world. */
export interface IConnectionOptions extends Omit<IAttemptOptions, 'fetchToken'> {
  /** Ask the server for a fresh token; called before every attempt. */
  readonly fetchToken: (signal: AbortSignal, takeover: boolean) => Promise<IGrant>;
  readonly trans: ITranslate;
  /** The title of the target. */
  readonly title: string;
  /** A number from 0 up to 1. */
  readonly random: () => number;
}

/** One situation. */
export interface IStatus {
  readonly phase: Phase;
  /** The phase, or the word for how the connection ended. */
  readonly state: string;
  /** What the reader is told. */
  readonly sentence: string;
  /** What the server adds to it; empty when it adds nothing. */
  readonly detail: string;
  /** What the button does; null when there is none. */
  readonly remedy: Remedy | null;
  /** When the next attempt is due, on the clock's scale; null when none is. */
  readonly retryAt: number | null;
}

/** Keeps one desktop connected, as far as that is wanted and possible. */
export class Connection {
  constructor(private readonly _options: IConnectionOptions) {
    const { clock, random, trans, title } = _options;
    this._backoff = new Backoff(random);
    this._wait = new Timer(clock);
    this._closings = new Closings(trans);
    this._progress = progress(trans, title);
    this._status = this._describe('idle');
  }

  /** Emits each new situation, and each second of a countdown. */
  readonly changed = new Emitter<IStatus>();

  /** Emits noVNC when it exists, before the first pixel. */
  readonly opened = new Emitter<IRFB>();

  /** Emits what the server says beside the picture. */
  readonly noted = new Emitter<Note>();

  /** The present situation. */
  get status(): IStatus {
    return this._status;
  }

  /** What the server granted last; null before the first grant. */
  get grant(): IGrant | null {
    return this._grant;
  }

  /** noVNC while it is connected. */
  get rfb(): IRFB | null {
    return this._status.phase === 'connected' ? this._rfb : null;
  }

  /** Whole seconds until the next attempt; 0 when none is planned. */
  get countdown(): number {
    const { retryAt } = this._status;
    return retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - this._options.clock.now()) / 1000));
  }

  /** Whether anybody looks. While nobody does, no new attempt is made; one that is due follows on return. */
  set watched(watched: boolean) {
    this._watched = watched;
    if (watched && this._status.phase === 'waiting') {
      this._tick();
    }
  }

  /**
   * Connect now, whatever happens at present.
   *
   * @param takeover - whether the reader was told who is in control, and wants to take over; this once
   */
  connect(takeover = false): void {
    if (this._disposed) {
      return;
    }
    this._drop();
    const fetchToken = (signal: AbortSignal): Promise<IGrant> => this._options.fetchToken(signal, takeover);
    const attempt = new Attempt(
      { ...this._options, fetchToken },
      {
        granted: grant => this._granted(grant),
        opened: rfb => this._opened(rfb),
        connected: () => this._connected(),
        noted: note => this._noted(note),
        ended: end => this._ended(end)
      }
    );
    this._attempt = attempt;
    this._set(this._describe('asking'));
    unattended(attempt.start());
  }

  /**
   * Have the server start the desktop first, and connect then.
   *
   * @param start - resolves when the desktop runs, and throws the reason if it does not
   */
  startFirst(start: (signal: AbortSignal) => Promise<void>): void {
    this._drop();
    const { signal } = (this._start = new AbortController());
    this._set(this._describe('asking'));
    this._set(this._describe('starting'));
    const then = (next: () => void): void => {
      if (!signal.aborted) {
        next();
      }
    };
    unattended(
      start(signal).then(
        () => then(() => this.connect()),
        error => then(() => this._notStarted(error))
      )
    );
  }

  /** If an attempt is planned, make it now. */
  retryNow(): void {
    if (this._status.phase === 'waiting') {
      this.connect();
    }
  }

  /** The connection is dead, though nobody said so. */
  lose(): void {
    this._attempt?.lose();
  }

  /** Disconnect, or stop trying. */
  disconnect(): void {
    this._drop();
    this._backoff.reset();
    this._closings.forget();
    if (!this._disposed) {
      this._set(this._describe('idle'));
    }
  }

  /** Close everything; nothing is emitted afterwards. */
  dispose(): void {
    this._disposed = true;
    this._drop();
    this.changed.clear();
    this.opened.clear();
    this.noted.clear();
  }

  private _granted(grant: IGrant): void {
    this._grant = grant;
    this._set(this._describe('connecting'));
  }

  private _opened(rfb: IRFB): void {
    this._rfb = rfb;
    this.opened.emit(rfb);
    this._set(this._describe('starting'));
  }

  private _noted(note: Note): void {
    if (note.kind === 'place' && this._status.phase === 'starting') {
      this._queue(note);
    }
    this.noted.emit(note);
  }

  /** The place is told every other second; only another one is news. */
  private _queue(place: IPlace): void {
    const { trans, title } = this._options;
    const detail = placeWords(trans, place);
    if (detail !== this._status.detail) {
      const sentence = trans.__('Waiting for a machine of “%1”.', title);
      this._set({ ...this._describe('starting'), state: IN_LINE, sentence, detail });
    }
  }

  private _connected(): void {
    this._since = this._options.clock.now();
    this._set(this._describe('connected'));
  }

  private _ended(end: End): void {
    const { clock } = this._options;
    const held = this._status.phase === 'connected' ? clock.now() - this._since : 0;
    if (held >= STABLE_AFTER) {
      this._backoff.reset();
    }
    this._attempt = null;
    this._rfb = null;
    const closing = this._closings.of(end, held);
    const detail = detailOf(end, closing.sentence);
    if (closing.action === 'retry') {
      this._plan(closing, detail, end.kind === 'token' ? end.retryAfter : 0);
    } else {
      this._set({ ...this._describe('stopped'), ...closing, detail, remedy: closing.action });
    }
  }

  private _notStarted(error: unknown): void {
    const { status, message, retryAfter } = noAnswer(error);
    if (NOT_OURS_TO_START.includes(status)) {
      this.connect();
    } else if (status === 502) {
      this._ended({ kind: 'close', code: 4505, reason: message, opened: true });
    } else {
      this._ended({ kind: 'token', status, message, retryAfter });
    }
  }

  private _plan(closing: IClosing, detail: string, atLeast: number): void {
    const retryAt = this._options.clock.now() + Math.max(this._backoff.next(), atLeast);
    this._set({ ...this._describe('waiting'), ...closing, detail, remedy: 'retry', retryAt });
    this._tick();
  }

  /** Count down by seconds; the wall clock decides, since timers stop while a laptop sleeps. */
  private _tick(): void {
    const left = (this._status.retryAt ?? 0) - this._options.clock.now();
    if (left > 0) {
      this._wait.set(
        () => {
          this.changed.emit(this._status);
          this._tick();
        },
        Math.min(left, left % 1000 || 1000)
      );
    } else if (this._watched) {
      this.connect();
    }
  }

  private _drop(): void {
    this._wait.clear();
    this._start?.abort();
    this._attempt?.cancel();
    this._attempt = null;
    this._rfb = null;
  }

  private _describe(phase: Phase): IStatus {
    const remedy = phase === 'idle' ? 'connect' : null;
    return { phase, state: phase, sentence: this._progress[phase], detail: '', remedy, retryAt: null };
  }

  private _set(status: IStatus): void {
    this._status = status;
    this.changed.emit(status);
  }

  private readonly _backoff: Backoff;
  private readonly _wait: Timer;
  private readonly _closings: Closings;
  private readonly _progress: Record<Phase, string>;
  private _status: IStatus;
  private _attempt: Attempt | null = null;
  private _start: AbortController | null = null;
  private _grant: IGrant | null = null;
  private _rfb: IRFB | null = null;
  private _since = 0;
  private _watched = true;
  private _disposed = false;
}
