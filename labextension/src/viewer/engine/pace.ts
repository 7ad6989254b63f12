/**
 * Keeps noVNC from taking a page for itself: it rests after a while, so that the page answers, and while more was drawn
 * than the browser has shown. What comes meanwhile waits in noVNC's own queue.
 */
import { type IClock, Timer } from '../ui/clock';
import type { INoVNC } from './novnc-internals';

/** So long noVNC works before everybody else has a turn (milliseconds). */
export const SLICE = 50;

/** With more than this in its queue it does not rest after a slice: the server is to feel that it is too quick (bytes). */
const BACKLOG = 8 * 1024 * 1024;

/** Between two pictures of the browser so many screens may be drawn over one another, and so many pixels more. */
const MOST_SCREENS = 4;
const MORE_PIXELS = 2 ** 22;

/** Drawings that wait for a picture to be decoded. */
const MOST_DRAWINGS = 4096;

/** A hidden page shows nothing and says so to nobody (milliseconds). */
const UNSEEN = 250;

/**
 * A change of the screen's size costs this and a multiple of the time it took; so much may be owed (milliseconds). A
 * desktop changes its size a few times while it starts, and a busy machine takes its time for each.
 */
const RESIZE_COST = 50;
const RESIZE_FACTOR = 4;
const MOST_OWED = 3000;

/** The pace of one noVNC. */
export class Pace {
  /**
   * @param _engine - noVNC
   * @param _clock - what a second is
   * @param _resume - goes on after a rest
   */
  constructor(
    private readonly _engine: INoVNC,
    private readonly _clock: IClock,
    private readonly _resume: () => void
  ) {
    this._timer = new Timer(_clock);
    this._unseen = new Timer(_clock);
  }

  /** noVNC begins to work. When it has been resting for the others and has too much to do, it rests no longer. */
  begin(): void {
    this._since = this._clock.now();
    if (this._yielding && this._engine._sock.rQlen() > BACKLOG) {
      this._yielding = this._engine._flushing = false;
      this._timer.clear();
    }
  }

  /** Pixels are drawn. */
  drew(pixels: number): void {
    this._drawn += pixels;
    if (!this._watching) {
      this._watching = true;
      const shown = (): void => {
        this._watching = false;
        this._drawn = 0;
        this._unseen.clear();
        this._awaited?.();
      };
      this._unseen.set(shown, UNSEEN);
      requestAnimationFrame(() => this._watching && shown());
    }
  }

  /** A drawing waits for those before it. */
  queued(pixels: number): void {
    this._queued = this._engine._display._renderQ.length === 0 ? pixels : this._queued + pixels;
  }

  /** The screen's size was changed, which took so long (milliseconds). */
  resized(took: number): void {
    this._owed = this._owes() + RESIZE_COST + RESIZE_FACTOR * took;
    this._owedAt = this._clock.now();
  }

  /** Whether it is time to rest; if so, noVNC does. */
  rests(): boolean {
    const { _sock, _display } = this._engine;
    const most = MOST_SCREENS * this._engine._fbWidth * this._engine._fbHeight + MORE_PIXELS;
    const waiting = _display._renderQ.length;
    if (waiting > MOST_DRAWINGS || (waiting > 0 && this._queued > most)) {
      return this._rest(go => void _display.flush().then(go));
    }
    if (this._watching && this._drawn > most) {
      return this._rest(go => (this._awaited = go));
    }
    this._yielding = this._clock.now() - this._since >= SLICE && _sock.rQlen() < BACKLOG;
    return this._yielding && this._rest(go => this._timer.set(go, 0));
  }

  /** Whether the screen's size is changed too often; if so, noVNC rests. */
  restsFromResizing(): boolean {
    const over = this._owes() - MOST_OWED;
    return over > 0 && this._rest(go => this._timer.set(go, over));
  }

  /** Leave nothing behind. */
  dispose(): void {
    this._timer.clear();
    this._unseen.clear();
    this._watching = false;
    this._awaited = null;
  }

  private _owes(): number {
    return Math.max(0, this._owed - (this._clock.now() - this._owedAt));
  }

  private _rest(wait: (go: () => void) => void): true {
    this._engine._flushing = true;
    wait(() => {
      this._awaited = null;
      this._yielding = this._engine._flushing = false;
      this._resume();
    });
    return true;
  }

  private readonly _timer: Timer;
  private readonly _unseen: Timer;
  private _since = 0;
  private _drawn = 0;
  private _queued = 0;
  private _owed = 0;
  private _owedAt = 0;
  private _watching = false;
  private _yielding = false;
  private _awaited: (() => void) | null = null;
}
