/**
 * What noVNC keeps for itself and `engine.ts` and its neighbours hook into. Its version is pinned, its file is never
 * edited, and `test/engine.spec.ts` and the browser tests drive the real one.
 */
import type { IRFB } from './novnc';

/** The receive queue, and the send queue. */
export interface IQueue {
  readonly _sQlen: number;
  readonly _sQbufferSize: number;
  flush(): void;
  rQlen(): number;
  rQpeekBytes(count: number, copy?: boolean): Uint8Array;
  rQskipBytes(count: number): void;
}

/** One drawing that waits for those before it. */
export interface IDrawing {
  readonly type: string;
  readonly width?: number;
  readonly height?: number;
  readonly img?: HTMLImageElement;
}

/** The canvas, with its queue. */
export interface IDisplay {
  readonly _renderQ: IDrawing[];
  _renderQPush(drawing: IDrawing): void;
  _scanRenderQ(): void;
  fillRect(x: number, y: number, width: number, height: number, ...more: unknown[]): void;
  flush(): Promise<void>;
}

/** Inflates a zlib stream. */
export interface IInflator {
  setInput(data: Uint8Array | null): void;
  inflate(count: number): Uint8Array;
}

/** The decoders by encoding, as far as something of them is bounded. */
export interface IDecoders {
  readonly 7: { readonly _zlibs: readonly { readonly constructor: unknown }[] };
  readonly 16: { readonly _inflator: IInflator; _readRLELength(): number };
  readonly 21: { readonly _segments: unknown[]; _readSegment(sock: IQueue): unknown };
}

/** The rectangle that is being read (RFC 6143, 7.6.1). */
export interface IRectangle {
  readonly rects: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly encoding: number | null;
}

/** noVNC from within. */
export interface IInnards extends IRFB {
  readonly _sock: IQueue;
  readonly _display: IDisplay;
  readonly _decoders: IDecoders;
  readonly _FBU: IRectangle;
  _fbWidth: number;
  _fbHeight: number;
  _flushing: boolean;
  _handleMessage(): void;
  _normalMsg(): boolean;
  _handleRect(): boolean;
  _handleServerCutText(): boolean;
  _negotiateServerInit(): boolean;
  _setCapability(name: 'power', value: boolean): void;
  _resize(width: number, height: number): void;
}

/** noVNC from within; null where it is something else, as in most unit tests. */
export function innardsOf(rfb: IRFB): IInnards | null {
  return '_sock' in rfb ? (rfb as IInnards) : null;
}
