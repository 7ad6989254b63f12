/**
 * ServerCutText (RFC 6143, 7.6.4, and rfbproto's extended clipboard): a text that is too long to be taken over is passed
 * by while it comes, instead of being gathered first.
 */
import { numberAt } from './bounds';
import type { IInflator, INoVNC } from './novnc-internals';
import { checkLimit, LONGEST_SKIP, LONGEST_TEXT, LONGEST_UNPACKED } from './limits';

/** Padding and length, after the type. */
const HEAD = 7;

/** The extended message's flags: the action, and sixteen formats. */
const PROVIDE = 2 ** 28;
const ACTIONS = 0xff000000;
const FORMATS = 16;

/** Passes by what is too long. */
export class CutText {
  /**
   * @param _engine - noVNC
   * @param _tooLong - told when a text is passed by
   */
  constructor(
    private readonly _engine: INoVNC,
    private readonly _tooLong: () => void
  ) {
    const handle = _engine._handleServerCutText;
    _engine._handleServerCutText = () => {
      this._look();
      return this._left > 0 ? this.skip() : handle.call(_engine);
    };
  }

  /** Whether a text is being passed by. */
  get skipping(): boolean {
    return this._left > 0;
  }

  /** Pass by what has come of it; whether that was the end. */
  skip(): boolean {
    const count = Math.min(this._left, this._engine._sock.rQlen());
    this._engine._sock.rQskipBytes(count);
    this._left -= count;
    return this._left === 0;
  }

  private _look(): void {
    const { _sock } = this._engine;
    if (_sock.rQlen() < HEAD) {
      return;
    }
    const length = numberAt(_sock.rQpeekBytes(HEAD), 3) | 0;
    const size = Math.abs(length);
    checkLimit('bytes of a clipboard', size, LONGEST_SKIP);
    const whole = _sock.rQlen() >= HEAD + size;
    if (size > LONGEST_TEXT || (length < 0 && whole && this._inflatesTooFar(size))) {
      this._left = HEAD + size;
      this._tooLong();
    }
  }

  /** Whether a message of the extended clipboard has a text that would not be taken over. */
  private _inflatesTooFar(size: number): boolean {
    const data = this._engine._sock.rQpeekBytes(HEAD + size).subarray(HEAD);
    const flags = size >= 4 ? numberAt(data, 0) : 0;
    if ((flags & ACTIONS) >>> 0 !== PROVIDE) {
      return false;
    }
    const inflator = this._inflator();
    inflator.setInput(data.subarray(4));
    for (let format = 0; format < FORMATS; format += 1) {
      if ((flags >> format) & 1) {
        const length = numberAt(inflator.inflate(4).slice(), 0);
        if (length > LONGEST_UNPACKED) {
          return true;
        }
        inflator.inflate(length);
      }
    }
    return false;
  }

  /** noVNC's own, which it does not export. */
  private _inflator(): IInflator {
    const Inflator = this._engine._decoders[7]._zlibs[0]!.constructor as new () => IInflator;
    return new Inflator();
  }

  private _left = 0;
}
