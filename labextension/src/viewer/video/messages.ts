/**
 * The messages of video (`jupyter_vnc/desktops/video/messages.py`), as bytes. No connection.
 */
import type { IEncoded } from './decoder';

/** Kinds that the server sends. */
const PICTURE = 1;
const WAY = 4;

/** Kinds that a viewer sends: a key frame is wanted; a picture has been decoded; when pictures are wanted. */
export const KEY = 16;
export const SEEN = 17;
export const MODE = 19;

/** Bytes before a picture's H.264: kind, flags, width and height. */
const HEADER = 6;

/**
 * Read what the server sends.
 *
 * @returns a picture; or whether the picture comes by video from now on; null if it is neither
 */
export function readMessage(data: unknown): IEncoded | boolean | null {
  if (!(data instanceof ArrayBuffer) || data.byteLength < 2) {
    return null;
  }
  const view = new DataView(data);
  if (view.getUint8(0) === PICTURE && data.byteLength > HEADER) {
    return {
      isKey: view.getUint8(1) === 1,
      width: view.getUint16(2),
      height: view.getUint16(4),
      data: new Uint8Array(data, HEADER)
    };
  }
  return view.getUint8(0) === WAY ? view.getUint8(1) === 1 : null;
}
