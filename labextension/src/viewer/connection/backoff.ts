/**
 * How long to wait before the next attempt.
 */

/** The first delay is about this long (milliseconds). */
const FIRST_DELAY = 1000;

/** No delay is longer than this (milliseconds). */
const LONGEST_DELAY = 30000;

/** Growing delays with jitter, so that a class of viewers does not come back in step. */
export class Backoff {
  /**
   * @param _random - a number from 0 up to 1, as `Math.random` gives
   */
  constructor(private readonly _random: () => number) {}

  /** The next delay in milliseconds: it doubles each time, and between half and all of that is waited. */
  next(): number {
    const whole = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this._attempts);
    this._attempts += 1;
    return Math.round(whole * (0.5 + this._random() / 2));
  }

  /** An attempt succeeded: start again from the shortest delay. */
  reset(): void {
    this._attempts = 0;
  }

  private _attempts = 0;
}
