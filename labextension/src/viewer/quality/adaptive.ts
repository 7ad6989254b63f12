/**
 * Chooses quality and compression by what was measured. No DOM.
 */
import type { IPictureChoices } from '../preferences';
import type { ISample } from './meter';
import { Ladder } from './ladder';

/** A round trip above the first is too long, below the second short (milliseconds). */
const DELAY = { long: 250, short: 100 };

/**
 * Fewer frames in a second than that are too few, if the desktop sends at least so many bytes in a second, unless each
 * was there at once: then there were no more.
 */
const FRAMES = 10;
const BUSY = 50000;

/**
 * A browser that has pictures to draw for more of the time than the first can draw no more of them; below the second
 * there is room for better ones, of which each costs up to twice as much; below the third each was there at once, and
 * below the last hardly anything moves.
 */
const LOAD = { high: 0.85, low: 0.45, prompt: 0.2, rest: 0.1 };

/** The steps from what the reader wants: what each takes from the quality and adds to the compression. */
const STEPS = [0, 2, 4, 6] as const;

/** Compression above this costs the server more than it saves. */
const MOST_COMPRESSION = 7;

/** So many pictures (of a second, added up) that were worse than wanted are worth a new one when nothing moves. */
const WORTH = 1;

/** So many samples the new picture may take; it is no motion, and so many frames in a second are. */
const MOST_REDRAWING = 15;
const REDRAWN = 2;

/**
 * So many samples nothing moves before a new picture is requested: twice as many each time, up to the most, and the
 * first again after a long rest.
 */
const WAIT = { first: 2, most: 16, long: 30 };

/** From so many bytes in a second without any loss a desktop refines what was lossy; a cursor that blinks takes less. */
const REFINING = 10000;

/** Whether a connection is too slow for what goes over it. */
export function isBad({ delay, frames, bytes, load }: ISample): boolean {
  const isScarce = bytes >= BUSY && frames < FRAMES && load >= LOAD.prompt;
  return (delay !== null && delay > DELAY.long) || isScarce;
}

/** Whether there is room for more. */
export function isGood(sample: ISample): boolean {
  return !isBad(sample) && (sample.delay === null || sample.delay < DELAY.short);
}

/** Follows the samples of one connection. A better picture is easier to read, and what moves is not read. */
export class Adaptive {
  /**
   * Take a sample into account.
   *
   * @param refines - whether the desktop may be one that sends again by itself what was lossy, when nothing moves
   * @returns whether to ask for the whole picture anew: it rests, and parts of it are worse than wanted
   */
  follow(sample: ISample, refines = false): boolean {
    const moves = sample.bytes >= BUSY || sample.load >= LOAD.rest;
    if (this._isRedrawn(sample, moves)) {
      return false;
    }
    this._judge(sample, moves, refines);
    this._network.follow(isBad(sample), isGood(sample));
    this._browser.follow(sample.load > LOAD.high, sample.load < LOAD.low);
    this._rests = !moves && !isBad(sample);
    this._still = this._rests ? this._still + 1 : 0;
    if (this._still >= WAIT.long) {
      this._wait = WAIT.first;
    }
    return this._still >= this._wait && this._worse >= WORTH && this.renew();
  }

  /** The whole picture is asked for in the quality that is wanted; false where it has that. */
  renew(): boolean {
    const isWorse = this._worse > 0;
    this._worse = 0;
    this._redrawing = isWorse ? MOST_REDRAWING : 0;
    this._wait = isWorse ? Math.min(WAIT.most, 2 * this._wait) : this._wait;
    return isWorse;
  }

  /** What to ask the desktop for, of what the reader wants. */
  choose({ quality, compression }: IPictureChoices): IPictureChoices {
    const squeeze = this._rests ? 0 : STEPS[this._network.step]!;
    return {
      quality: Math.max(Math.min(quality, 1), quality - this._off),
      compression: Math.max(compression, Math.min(MOST_COMPRESSION, compression + squeeze))
    };
  }

  /** Begin again with what the reader wants. */
  reset(): void {
    this._network.reset();
    this._browser.reset();
    this._rests = false;
    this._worse = this._redrawing = this._still = 0;
    this._wait = WAIT.first;
  }

  /** What is taken from the quality now. */
  private get _off(): number {
    return this._rests ? 0 : STEPS[Math.max(this._network.step, this._browser.step)]!;
  }

  /** Note what is worse than wanted: only lossy pictures can be. */
  private _judge({ frames, bytes, lossy }: ISample, moves: boolean, refines: boolean): void {
    if (lossy > 0) {
      this._worse += moves && this._off > 0 ? frames : 0;
    } else if (refines && bytes >= REFINING) {
      this._worse = 0;
    }
  }

  /** Whether a sample is that of the new picture: there is hardly a frame in it. */
  private _isRedrawn({ frames }: ISample, moves: boolean): boolean {
    this._redrawing = moves && frames < REDRAWN ? Math.max(0, this._redrawing - 1) : 0;
    return this._redrawing > 0;
  }

  private readonly _network = new Ladder(STEPS.length - 1);
  private readonly _browser = new Ladder(STEPS.length - 1);
  private _rests = false;
  private _worse = 0;
  private _redrawing = 0;
  /** For so many samples nothing has moved. */
  private _still = 0;
  private _wait = WAIT.first;
}
