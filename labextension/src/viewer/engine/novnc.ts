/**
 * The boundary to noVNC: the part of its `RFB` class that the viewer uses, typed, and how to load it.
 *
 * noVNC is one ES module on the server, loaded by URL by every host, so that there is one noVNC and no host's
 * bundle holds it.
 */
import { call } from '../ui/report';

/** noVNC's `RFB`, as documented in its `docs/API.md`. */
export interface IRFB extends EventTarget {
  viewOnly: boolean;
  focusOnClick: boolean;
  clipViewport: boolean;
  dragViewport: boolean;
  scaleViewport: boolean;
  resizeSession: boolean;
  showDotCursor: boolean;
  background: string;
  qualityLevel: number;
  compressionLevel: number;
  readonly capabilities: { readonly power: boolean };
  disconnect(): void;
  focus(options?: FocusOptions): void;
  blur(): void;
  sendKey(keysym: number, code: string, down?: boolean): void;
  clipboardPasteFrom(text: string): void;
  machineShutdown(): void;
  machineReboot(): void;
  machineReset(): void;
  toBlob(callback: (blob: Blob | null) => void, type?: string, quality?: number): void;
}

/** The constructor of `RFB`: it draws into `target` and speaks over a websocket that we own. */
export interface IRFBConstructor {
  new (target: HTMLElement, channel: WebSocket, options?: { shared?: boolean }): IRFB;
}

/** What the events of `RFB` carry. */
export interface IRFBEvents {
  connect: undefined;
  disconnect: { clean: boolean };
  credentialsrequired: { types: string[] };
  securityfailure: { status: number; reason?: string };
  clipboard: { text: string };
  bell: undefined;
  desktopname: { name: string };
  capabilities: { capabilities: { power: boolean } };
  /** Not noVNC's own, but of `engine.ts`: it has consumed something. */
  moved: undefined;
  /** The browser has worked so long at its pictures (milliseconds). */
  worked: number;
  /** A picture, or a part of one, came that lost something (JPEG); quality decides how much. */
  lossy: undefined;
  /** The desktop has another size. */
  resized: undefined;
  /** A text that was copied on the desktop is too long to be taken over. */
  cliptoolong: undefined;
  /** Somewhere in noVNC there was an error, maybe in this one. */
  suspected: undefined;
}

/** Emit one of its events. */
export function tellRFB<K extends keyof IRFBEvents>(rfb: IRFB, type: K, detail: IRFBEvents[K]): void {
  rfb.dispatchEvent(new CustomEvent(type, { detail }));
}

/** Listen to an event of `RFB` with its detail typed. What goes wrong in the listener is no error of noVNC's. */
export function onRFB<K extends keyof IRFBEvents>(
  rfb: IRFB,
  type: K,
  listener: (detail: IRFBEvents[K]) => void
): void {
  rfb.addEventListener(type, event => call(listener, (event as CustomEvent<IRFBEvents[K]>).detail));
}

/** What noVNC keeps for itself and we read; its version is pinned, and a browser test sees that it is there. */
interface IPrivate {
  _requestRemoteResize?(): void;
  _screenSize?(): { w: number; h: number };
  readonly _enabledContinuousUpdates?: boolean;
  readonly _fbWidth?: number;
  readonly _fbHeight?: number;
  readonly _rfbConnectionState?: string;
  _pendingRemoteResize?: boolean;
  _sendEncodings?(): void;
}

/** Whether the desktop sends pictures without being asked for each. */
export function updatesContinuously(rfb: IRFB): boolean {
  return (rfb as IPrivate)._enabledContinuousUpdates === true;
}

/**
 * Ask for sizes in whole pixels, and in pixels of the screen where that is wanted. noVNC counts in CSS pixels, of which a
 * fine screen has fewer; it shows a desktop that is larger than its frame scaled down, so that each pixel is one of the
 * screen's. A frame whose sides are no whole numbers, as where a page is zoomed, it would ask for without end.
 *
 * @param rfb - noVNC, at once after it was made
 * @param wanted - whether pixels of the screen are wanted now
 */
export function askInScreenPixels(rfb: IRFB, wanted: () => boolean): void {
  const own = rfb as IPrivate;
  const { _requestRemoteResize: request, _screenSize: size } = own;
  if (!request || !size) {
    return;
  }
  let factor: number | null = null;
  own._screenSize = () => {
    const { w, h } = size.call(rfb);
    return factor === null ? { w, h } : { w: Math.floor(w * factor), h: Math.floor(h * factor) };
  };
  own._requestRemoteResize = () => {
    factor = wanted() ? window.devicePixelRatio : 1;
    request.call(rfb);
    factor = null;
  };
}

/** Ask for the size of the frame again, whether the desktop has answered the last time or not. */
export function askForSize(rfb: IRFB): void {
  const own = rfb as IPrivate;
  own._pendingRemoteResize = false;
  own._requestRemoteResize?.();
}

/** Tell the desktop anew what it may send. */
export function offerAgain(rfb: IRFB): void {
  const own = rfb as IPrivate;
  if (own._rfbConnectionState === 'connected') {
    own._sendEncodings?.();
  }
}

/** The desktop's own size in pixels. */
export function sizeOf(rfb: IRFB): [number, number] {
  const { _fbWidth, _fbHeight } = rfb as IPrivate;
  return [_fbWidth ?? 0, _fbHeight ?? 0];
}

/**
 * Make a loader of noVNC.
 *
 * @param root - the URL of the service, with a slash at its end
 * @param version - goes into the URL, so that a browser's cache never mixes two versions
 * @param load - imports a module by URL; replaced in tests
 */
export function loaderOf(
  root: string,
  version: string,
  load: (url: string) => Promise<{ default: IRFBConstructor }> = importURL
): () => Promise<IRFBConstructor> {
  let failures = 0;
  return async () => {
    const query = new URLSearchParams({ v: version });
    if (failures > 0) {
      // A browser remembers the URL of a module that failed to load and never asks again.
      query.set('retry', String(failures));
    }
    try {
      return (await load(`${root}static/novnc/rfb.js?${query}`)).default;
    } catch (error) {
      failures += 1;
      throw error;
    }
  };
}

/** Import by URL in a way that bundlers leave alone. */
function importURL(url: string): Promise<{ default: IRFBConstructor }> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ new URL(url, document.baseURI).href);
}
