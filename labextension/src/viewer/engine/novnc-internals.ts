/**
 * What noVNC keeps for itself and `engine.ts` and its neighbours hook into. Its version is pinned, its file is never
 * edited, and `test/engine.spec.ts` and the browser tests drive the real one.
 */
import type { IRFB, IRFBConstructor } from './novnc';

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

/** A rectangle of the desktop (pixels). */
export interface IArea {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** The canvases, with their queue. */
export interface IDisplay {
  /** The one that is seen, which shows a part of the desktop. */
  _target: { width: number; height: number; readonly style: CSSStyleDeclaration };
  _targetCtx: { drawImage(...copy: unknown[]): void };
  readonly _viewportLoc: IArea;
  readonly _scale: number;
  /** The one that is drawn on. */
  readonly _backbuffer: HTMLCanvasElement;
  readonly _fbWidth: number;
  readonly _fbHeight: number;
  _rescale(factor: number): void;
  copyImage(...move: [...[number, number, number, number, number, number], isQueued?: boolean]): void;
  resize(width: number, height: number): void;
  readonly _renderQ: IDrawing[];
  _renderQPush(drawing: IDrawing): void;
  _scanRenderQ(): void;
  imageRect(x: number, y: number, width: number, height: number, mime: string, data: Uint8Array): void;
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
  50?: unknown;
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

/** What it says, as far as we have it said. */
export interface IMessages {
  readonly messages: {
    fbUpdateRequest(
      sock: IQueue,
      isChange: boolean,
      x: number,
      y: number,
      width: number,
      height: number
    ): void;
    clientEncodings(sock: IQueue, encodings: number[]): void;
  };
}

/** noVNC from within. */
export interface INoVNC extends IRFB {
  readonly constructor: IMessages & IRFBConstructor;
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
  _handleExtendedDesktopSize(): boolean;
  _requestRemoteResize(): void;
  _sendEncodings(): void;
  _negotiateServerInit(): boolean;
  _setCapability(name: 'power', value: boolean): void;
  _resize(width: number, height: number): void;
}

/** noVNC from within; null where it is something else, as in most unit tests. */
export function innardsOf(rfb: IRFB): INoVNC | null {
  return '_sock' in rfb ? (rfb as INoVNC) : null;
}
