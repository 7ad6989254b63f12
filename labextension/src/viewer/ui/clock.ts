/**
 * Time, as something that a test can hold still.
 */

/** How long after the connection to ask what can wait (milliseconds): the first picture needs the browser and the server. */
export const PICTURE_FIRST = 300;

/** What the viewer needs of time. Milliseconds throughout. */
export interface IClock {
  /** Now, in milliseconds since some fixed moment. */
  now(): number;
  /** Run something later; the number cancels it. */
  setTimeout(run: () => void, delay: number): number;
  /** Cancel what `setTimeout` promised. */
  clearTimeout(timer: number): void;
}

/** The browser's own clock. `Date.now`, unlike `performance.now`, goes on while a laptop sleeps. */
export const browserClock: IClock = {
  now: () => Date.now(),
  setTimeout: (run, delay) => window.setTimeout(run, delay),
  clearTimeout: timer => window.clearTimeout(timer)
};

/** Runs something at once, and what follows soon after it later: of these the last only. */
export class Coalesced {
  /**
   * @param _clock - what a second is
   * @param _interval - from one run to the next (milliseconds)
   */
  constructor(
    private readonly _clock: IClock,
    private readonly _interval: number
  ) {
    this._timer = new Timer(_clock);
  }

  /** Run `run` now or soon, unless another takes its place. */
  set(run: () => void): void {
    const left = this._last + this._interval - this._clock.now();
    const go = (): void => {
      this._last = this._clock.now();
      run();
    };
    if (left > 0) {
      this._timer.set(go, left);
    } else {
      this._timer.clear();
      go();
    }
  }

  /** Run nothing more. */
  clear(): void {
    this._timer.clear();
  }

  private readonly _timer: Timer;
  private _last = 0;
}

/** One timer that can be set again and again; setting it cancels what it promised before. */
export class Timer {
  constructor(private readonly _clock: IClock) {}

  /** Run `run` after `delay` milliseconds instead of whatever was planned. */
  set(run: () => void, delay: number): void {
    this.clear();
    this._timer = this._clock.setTimeout(() => {
      this._timer = null;
      run();
    }, delay);
  }

  /** Plan nothing. */
  clear(): void {
    if (this._timer !== null) {
      this._clock.clearTimeout(this._timer);
      this._timer = null;
    }
  }

  private _timer: number | null = null;
}
