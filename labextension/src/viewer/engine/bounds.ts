/**
 * Looks at what a desktop announces before noVNC acts on it: sizes, lengths, and what its decoders make of a few bytes.
 */
import type { INoVNC, IRectangle } from './novnc-internals';
import {
  checkLimit,
  checkSize,
  Excess,
  LARGEST_CURSOR,
  LONGEST_NAME,
  MOST_DECODED,
  MOST_SEGMENTS,
  ZRLE_TILE
} from './limits';

/** Encodings and pseudo-encodings by their numbers (RFC 6143, 7.7 and 7.8, and rfbproto). */
const TIGHT = 7;
const JPEG = 21;
const TIGHT_PNG = -260;
const CURSOR = -239;
const DESKTOP_NAME = -307;
const VMWARE_CURSOR = 0x574d5664;

/** Upper half of the byte that says how a rectangle of Tight is compressed. */
const TIGHT_FILL = 8;

/** Kinds of VMware's pointer. */
const VMWARE_KINDS = 1;

/** A rectangle may be larger than the screen it was meant for, not by much (pixels). */
const SLACK = 2 ** 20;

/** RRE paints rectangles into a rectangle: so many times over, and so many pixels more. */
const MOST_LAYERS = 16;

/** Bytes that a tile of ZRLE can have beside those of its pixels: its kind, and a palette. */
const ZRLE_HEAD = 1024;
const ZRLE_PIXEL = 5;

/** Whether a rectangle changes the picture, and not what is round it. */
export function isPicture({ encoding }: IRectangle): boolean {
  return encoding !== null && (encoding >= 0 || encoding === TIGHT_PNG) && encoding !== VMWARE_CURSOR;
}

/**
 * Look at a rectangle of which nothing has been read but its head.
 *
 * @throws Excess when it is beyond the bounds
 */
export function checkRectangle(engine: INoVNC): void {
  const { width, height } = engine._FBU;
  if (isPicture(engine._FBU)) {
    const most = Math.max(SLACK, engine._fbWidth * engine._fbHeight);
    checkLimit('pixels of a rectangle', width * height, most);
  }
  SPECIAL[engine._FBU.encoding ?? 0]?.(engine);
}

const checkDecoded = ({ _FBU: { width, height } }: INoVNC): void =>
  checkLimit('pixels of a rectangle', width * height, MOST_DECODED);

/** Tight fills a rectangle of any size with one colour, and decodes any other at once. */
const checkTight = (engine: INoVNC): void => {
  if (engine._sock.rQlen() > 0 && engine._sock.rQpeekBytes(1)[0]! >>> 4 !== TIGHT_FILL) {
    checkDecoded(engine);
  }
};

const checkCursor = ({ _FBU: { width, height } }: INoVNC): void =>
  checkLimit('pixels of a pointer', Math.max(width, height), LARGEST_CURSOR);

/** What is more than pixels. The payload may come later than the head, so each looks again when more has come. */
const SPECIAL: Readonly<Record<number, (engine: INoVNC) => void>> = {
  [TIGHT]: checkTight,
  [TIGHT_PNG]: checkTight,
  [JPEG]: checkDecoded,
  [CURSOR]: checkCursor,
  [VMWARE_CURSOR]: engine => {
    checkCursor(engine);
    const kind = engine._sock.rQlen() > 0 ? engine._sock.rQpeekBytes(1)[0]! : 0;
    checkLimit('kind of a pointer', kind, VMWARE_KINDS);
  },
  [DESKTOP_NAME]: ({ _sock }) => {
    if (_sock.rQlen() >= 4) {
      checkLimit('bytes of a name', numberAt(_sock.rQpeekBytes(4), 0), LONGEST_NAME);
    }
  }
};

/**
 * Look at ServerInit (RFC 6143, 7.3.2) while it is still in the queue.
 *
 * @throws TooLarge or Excess when it is beyond the bounds
 */
export function checkServerInit({ _sock }: INoVNC): void {
  if (_sock.rQlen() >= 24) {
    const head = _sock.rQpeekBytes(24);
    checkSize(numberAt(head, 0) >>> 16, numberAt(head, 0) & 0xffff);
    checkLimit('bytes of a name', numberAt(head, 20), LONGEST_NAME);
  }
}

/** A number of four bytes, without a sign. */
export function numberAt(data: Uint8Array, at: number): number {
  return new DataView(data.buffer, data.byteOffset).getUint32(at);
}

/** Bounds what the decoders make of one rectangle. */
export class Decoding {
  /**
   * @param _engine - noVNC
   * @param _fail - told of an excess before noVNC hears of it, which takes it for an error of its own
   * @param drew - told of pixels that are drawn
   */
  constructor(
    private readonly _engine: INoVNC,
    private readonly _fail: (error: unknown) => void,
    drew: (pixels: number) => void
  ) {
    const { _display: display } = _engine;
    const fill = display.fillRect;
    display.fillRect = (x, y, width, height, ...more) => {
      const pixels = Math.min(width, _engine._fbWidth) * Math.min(height, _engine._fbHeight);
      drew(pixels);
      this._painted += pixels;
      this._demand(this._painted <= MOST_LAYERS * this._area + SLACK, 'too many layers');
      fill.call(display, x, y, width, height, ...more);
    };
    this._boundZRLE();
    this._boundJPEG();
  }

  /** A rectangle begins. */
  begin({ width, height }: IRectangle): void {
    this._area = width * height;
    this._painted = 0;
    this._inflated = 0;
    this._inflatable = ZRLE_PIXEL * this._area + ZRLE_HEAD * Math.ceil(width / 64) * Math.ceil(height / 64);
  }

  /** A few bytes inflate to very many, and each of them is read on its own. */
  private _boundZRLE(): void {
    const zrle = this._engine._decoders[16];
    const { _inflator: inflator } = zrle;
    const inflate = inflator.inflate;
    inflator.inflate = count => {
      this._inflated += count;
      this._demand(this._inflated <= this._inflatable, 'too many inflated bytes');
      return inflate.call(inflator, count);
    };
    zrle._readRLELength = () => {
      let length = 1;
      for (let byte = 255; byte === 255;) {
        byte = inflator.inflate(1)[0]!;
        length += byte;
        this._demand(length <= ZRLE_TILE, 'too long a run');
      }
      return length;
    };
  }

  /** Each segment is an object, however small it is. */
  private _boundJPEG(): void {
    const jpeg = this._engine._decoders[21];
    const read = jpeg._readSegment;
    jpeg._readSegment = sock => {
      this._demand(jpeg._segments.length <= MOST_SEGMENTS, 'too many segments');
      return read.call(jpeg, sock);
    };
  }

  private _demand(holds: boolean, otherwise: string): void {
    if (!holds) {
      const excess = new Excess(otherwise);
      this._fail(excess);
      throw excess;
    }
  }

  private _area = 0;
  private _painted = 0;
  private _inflated = 0;
  private _inflatable = 0;
}
