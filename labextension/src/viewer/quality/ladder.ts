/**
 * Steps down from what somebody wants, and up again, by samples that are good or bad. No DOM.
 */

/** So many bad samples in a row make one go down, so many good ones up. */
const PATIENCE = { down: 2, up: 4 };

/** Where going up was wrong, twice as many good samples are needed the next time, and so on up to this. */
const MOST_PATIENCE = 32;

/** One ladder. */
export class Ladder {
  /** @param _last - the number of the lowest step; the first is 0 */
  constructor(private readonly _last: number) {}

  /** Where one stands. */
  get step(): number {
    return this._step;
  }

  /** Take a sample into account; one that is neither good nor bad changes nothing. */
  follow(isBad: boolean, isGood: boolean): void {
    this._bad = isBad ? this._bad + 1 : 0;
    this._good = isGood ? this._good + 1 : 0;
    if (this._bad >= PATIENCE.down) {
      this._patience = this._rose ? Math.min(MOST_PATIENCE, 2 * this._patience) : this._patience;
      this._move(1);
    } else if (this._good >= this._patience) {
      this._patience = this._rose ? PATIENCE.up : this._patience; // the step before this one has held
      this._move(-1);
    }
  }

  /** Begin again at the top. */
  reset(): void {
    this._step = this._bad = this._good = 0;
    this._patience = PATIENCE.up;
    this._rose = false;
  }

  private _move(by: 1 | -1): void {
    const step = Math.min(this._last, Math.max(0, this._step + by));
    this._rose = by < 0 && (step !== this._step || this._rose);
    this._step = step;
    this._bad = this._good = 0;
  }

  private _step = 0;
  private _bad = 0;
  private _good = 0;
  private _patience = PATIENCE.up;
  /** Whether the last step was one up. */
  private _rose = false;
}
