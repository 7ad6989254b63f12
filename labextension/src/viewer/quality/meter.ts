/**
 * Measures a connection without touching noVNC: bytes and encoding at the websocket, frames at the canvas, and the
 * delay by a small request to the server.
 */
import type { IClock } from '../ui/clock';

/** What was measured since the sample before. */
export interface ISample {
  /** Pictures drawn in a second. */
  readonly frames: number;
  /** Bytes from the server in a second. */
  readonly bytes: number;
  /** Round trip to the server (milliseconds); null when it is not known. */
  readonly delay: number | null;
  /** The share of the time in which one was being received, decoded or drawn, 0 to 1. */
  readonly load: number;
  /** Pictures in a second, or parts of some, that lost something (JPEG). */
  readonly lossy: number;
  /** The last encoding that was recognised; empty before that. */
  readonly encoding: string;
}

/** Encodings by their numbers (RFC 6143, 7.7, and rfbproto). */
const ENCODINGS: Readonly<Record<number, string>> = {
  0: 'Raw',
  1: 'CopyRect',
  2: 'RRE',
  5: 'Hextile',
  6: 'Zlib',
  7: 'Tight',
  16: 'ZRLE',
  21: 'JPEG',
  50: 'H.264',
  [-260]: 'TightPNG'
};

/** A FramebufferUpdate's head and its first rectangle's (bytes). */
const HEAD = 16;

const SERVER_FENCE = 248;

/** The encoding of the first rectangle, if a websocket message begins with a picture. */
export function encodingOf(data: unknown): string {
  if (!(data instanceof ArrayBuffer) || data.byteLength < HEAD) {
    return '';
  }
  const view = new DataView(data);
  // A desktop that measures the connection itself puts a fence before its pictures (rfbproto, ServerFence).
  const at = view.getUint8(0) === SERVER_FENCE ? 9 + view.getUint8(8) : 0;
  const isUpdate = data.byteLength >= at + HEAD && view.getUint16(at) === 0 && view.getUint16(at + 2) > 0;
  return isUpdate ? (ENCODINGS[view.getInt32(at + 12)] ?? '') : '';
}

/** The meter of one viewer. */
export class Meter {
  /**
   * @param _clock - what a second is
   * @param _probe - ask the server for something small; absent where nobody can
   */
  constructor(
    private readonly _clock: IClock,
    private readonly _probe?: () => Promise<unknown>
  ) {
    this._since = _clock.now();
  }

  /** Count what a websocket receives. */
  watch(socket: WebSocket): WebSocket {
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      this._bytes += data instanceof ArrayBuffer ? data.byteLength : 0;
      this._encoding = encodingOf(data) || this._encoding;
    });
    return socket;
  }

  /** Count what is drawn on a canvas: noVNC draws each picture with one call. */
  watchCanvas(canvas: HTMLCanvasElement | null): void {
    const context = canvas?.getContext('2d');
    if (!context) {
      return;
    }
    const draw = context.drawImage as (...args: unknown[]) => void;
    context.drawImage = (...args: unknown[]): void => {
      this._frames += 1;
      draw.apply(context, args);
    };
  }

  /** Count how long the browser has worked at pictures (milliseconds). */
  worked(took: number): void {
    this._worked += took;
  }

  /** Count a picture that lost something. */
  lost(): void {
    this._lossy += 1;
  }

  /** Measure the delay; it is in the samples that follow. */
  async probe(): Promise<void> {
    if (!this._probe || this._probing) {
      return;
    }
    this._probing = true;
    const before = this._clock.now();
    try {
      await this._probe();
      this._delay = this._clock.now() - before;
    } catch {
      this._delay = null;
    } finally {
      this._probing = false;
    }
  }

  /** What happened since the sample before. */
  sample(): ISample {
    const now = this._clock.now();
    const seconds = Math.max(0.001, (now - this._since) / 1000);
    const sample = {
      frames: this._frames / seconds,
      bytes: this._bytes / seconds,
      delay: this._delay,
      load: Math.min(1, this._worked / 1000 / seconds),
      lossy: this._lossy / seconds,
      encoding: this._encoding
    };
    this._since = now;
    this._frames = this._bytes = this._worked = this._lossy = 0;
    return sample;
  }

  private _since: number;
  private _frames = 0;
  private _bytes = 0;
  private _worked = 0;
  private _lossy = 0;
  private _delay: number | null = null;
  private _encoding = '';
  private _probing = false;
}
