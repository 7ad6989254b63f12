/**
 * Chooses quality and compression by what was measured. No DOM.
 */
import type { ISample } from './meter';
import type { IPictureChoices } from '../preferences';

/** A round trip above the first is too long, below the second short (milliseconds). */
const DELAY = { long: 250, short: 100 };

/** Fewer frames in a second than that are too few, if the desktop sends at least so many bytes in a second. */
const FRAMES = 10;
const BUSY = 50000;

/** So many bad samples in a row make the picture worse, so many good ones make it better. */
const PATIENCE = { down: 2, up: 4 };

/** The steps from what the reader wants: what each takes from the quality and adds to the compression. */
const STEPS = [0, 2, 4, 6] as const;

/** Compression above this costs the server more than it saves. */
const MOST_COMPRESSION = 7;

/** Whether a connection is too slow for what goes over it. */
export function isBad({ delay, frames, bytes }: ISample): boolean {
  return (delay !== null && delay > DELAY.long) || (bytes >= BUSY && frames < FRAMES);
}

/** Whether there is room for more. */
export function isGood(sample: ISample): boolean {
  return !isBad(sample) && (sample.delay === null || sample.delay < DELAY.short);
}

/** Follows the samples of one connection. */
export class Adaptive {
  /** Take a sample into account. */
  follow(sample: ISample): void {
    this._bad = isBad(sample) ? this._bad + 1 : 0;
    this._good = isGood(sample) ? this._good + 1 : 0;
    if (this._bad >= PATIENCE.down) {
      this._move(1);
    } else if (this._good >= PATIENCE.up) {
      this._move(-1);
    }
  }

  /** What to ask the desktop for, of what the reader wants. */
  choose({ quality, compression }: IPictureChoices): IPictureChoices {
    const off = STEPS[this._step]!;
    return {
      quality: Math.max(Math.min(quality, 1), quality - off),
      compression: Math.max(compression, Math.min(MOST_COMPRESSION, compression + off))
    };
  }

  /** Begin again with what the reader wants. */
  reset(): void {
    this._step = this._bad = this._good = 0;
  }

  private _move(by: number): void {
    this._step = Math.min(STEPS.length - 1, Math.max(0, this._step + by));
    this._bad = this._good = 0;
  }

  private _step = 0;
  private _bad = 0;
  private _good = 0;
}
