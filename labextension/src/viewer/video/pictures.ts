/**
 * The pictures of one video, from the websocket to the screen, and what the server is told of them.
 */
import type { IPicture } from '../engine/surface';
import { type IClock, Timer } from '../ui/clock';
import type { IDecoder, IEncoded } from './decoder';
import { KEY, SEEN } from './messages';

/** A decoder that brings nothing for so long has failed without a word (milliseconds). */
const PATIENCE = 3000;

/** A decoder that had too much to do is given a key frame once it has no more than this. */
const FEW = 1;

/** What it needs. */
export interface IPicturesOptions {
  readonly clock: IClock;
  readonly makeDecoder: (decoded: (picture: IPicture) => void, failed: (error: unknown) => void) => IDecoder;
  /** Show a picture; it is closed by whoever shows it. */
  readonly show: (picture: IPicture) => void;
  /** Tell the server. */
  readonly say: (kind: number) => void;
  readonly failed: (error: unknown) => void;
}

/** Decodes what comes. */
export class Pictures {
  constructor(private readonly _options: IPicturesOptions) {
    this._silence = new Timer(_options.clock);
  }

  /** Decode a picture, and show it as soon as that has been done. */
  take(picture: IEncoded): void {
    const { makeDecoder, say, failed } = this._options;
    this._decoder ??= makeDecoder(shown => this._show(shown), failed);
    try {
      if (this._decoder.decode(picture)) {
        this._key = picture.isKey ? 'there' : this._key;
        this._await();
      } else {
        this._key = picture.isKey || this._key === 'there' ? 'lacking' : this._key;
        say(SEEN); // there is nothing more to do with it
        this._askForKey();
      }
    } catch (error) {
      failed(error);
    }
  }

  /** None come any more, for now or for good. */
  rest(): void {
    this._silence.clear();
    this._isAwaited = false;
    this._key = 'there';
    this._decoder?.close();
    this._decoder = null;
  }

  private _await(): void {
    if (!this._isAwaited) {
      this._isAwaited = true;
      this._silence.set(() => this._options.failed('the decoder brings nothing'), PATIENCE);
    }
  }

  private _show(picture: IPicture): void {
    this._silence.clear();
    this._isAwaited = false;
    this._options.show(picture);
    this._options.say(SEEN);
    this._askForKey();
  }

  /**
   * Ask for the key frame that the decoder needs, once, and not before it can take one: all who look get it, and it is
   * many times as large as another picture.
   */
  private _askForKey(): void {
    if (this._key === 'lacking' && (this._decoder?.queued ?? 0) <= FEW) {
      this._key = 'asked';
      this._options.say(KEY);
    }
  }

  private readonly _silence: Timer;
  private _decoder: IDecoder | null = null;
  private _isAwaited = false;
  private _key: 'there' | 'lacking' | 'asked' = 'there';
}
