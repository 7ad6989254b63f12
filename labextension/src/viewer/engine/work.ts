/**
 * Measures how much of the time a browser works at the pictures of a desktop: from a message until what it brought is
 * drawn, pictures that the browser decodes beside it included, and then from the beginning of the browser's own next
 * picture until the page has its turn again. The wait between the two, for the screen, is no work.
 */
import { type IClock, Timer } from '../ui/clock';
import type { INoVNC } from './novnc-internals';

/** What one noVNC has its browser do. */
export class Work {
  /**
   * @param _engine - noVNC
   * @param _clock - what a second is
   * @param _done - told how long the browser has worked since it last was told (milliseconds)
   */
  constructor(
    private readonly _engine: INoVNC,
    private readonly _clock: IClock,
    private readonly _done: (took: number) => void
  ) {
    this._turn = new Timer(_clock);
  }

  /** noVNC begins to read. */
  begin(): void {
    this._set('reading', true);
  }

  /** noVNC has read what there is, or a picture was decoded; maybe it waits for another. */
  settle(): void {
    const { _FBU, _display, _flushing } = this._engine;
    if (!_flushing && _FBU.rects === 0 && _display._renderQ.length === 0) {
      this._set('reading', false);
    }
  }

  /** Pixels are drawn: the browser shows them with its next picture. */
  drew(): void {
    this._frame ||= requestAnimationFrame(() => {
      this._frame = 0;
      this._set('showing', true);
      this._turn.set(() => this._set('showing', false), 0);
    });
  }

  /** Leave nothing behind. */
  dispose(): void {
    this._over = true;
    cancelAnimationFrame(this._frame);
    this._turn.clear();
  }

  /** Begin or end a part. Where there is too much to do none of them ends for long, so the time until now is told. */
  private _set(part: Part, on: boolean): void {
    const now = this._clock.now();
    if (this._parts.size > 0 && !this._over) {
      this._done(now - this._since);
    }
    this._since = now;
    if (on) {
      this._parts.add(part);
    } else {
      this._parts.delete(part);
    }
  }

  private readonly _turn: Timer;
  /** What it does now; both at a time count once. */
  private readonly _parts = new Set<Part>();
  private _since = 0;
  private _frame = 0;
  private _over = false;
}

type Part = 'reading' | 'showing';
