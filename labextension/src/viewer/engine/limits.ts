/**
 * What a desktop may announce. A few bytes of RFB can stand for gigabytes of a browser's memory, or for minutes of its
 * time, and noVNC believes them.
 */

/**
 * Pixels of a screen: 8K fits, and so do four 4K monitors in a row. Each takes four bytes; see `surface.ts` for why it
 * takes no more.
 */
export const MOST_PIXELS = 2 ** 25;

/** Of a screen of more pixels no part is copied to another place: a browser copies all of it first. */
export const MOST_COPIED = 2 ** 23;

/** Pixels of a rectangle that is decoded as a whole: real servers send far smaller ones. */
export const MOST_DECODED = 2 ** 22;

/** Width or height of a screen in pixels: what every browser makes a canvas of. */
export const LONGEST_SIDE = 16384;

/** Width or height of a pointer in pixels; browsers show up to 128. */
export const LARGEST_CURSOR = 512;

/** A desktop's name (bytes). */
export const LONGEST_NAME = 64 * 1024;

/** The server passes no longer text on (bytes of UTF-8). */
export const LONGEST_TEXT = 256 * 1024;

/** The extended clipboard's text has a CR before each LF, and a NUL at its end (rfbproto; bytes). */
export const LONGEST_UNPACKED = 2 * LONGEST_TEXT + 1;

/** A longer clipboard than this is not waited for until it is over (bytes). */
export const LONGEST_SKIP = 64 * 1024 * 1024;

/** What the server has not yet taken of what was sent to it (bytes). */
export const MOST_UNSENT = 8 * 1024 * 1024;

/** Segments of one JPEG; a progressive one has some dozens. */
export const MOST_SEGMENTS = 1000;

/** Pixels of a tile of ZRLE (RFC 6143, 7.7.6), and so of a run in it. */
export const ZRLE_TILE = 64 * 64;

/** A desktop's screen is larger than a viewer shows. */
export class TooLarge extends Error {
  constructor(
    readonly width: number,
    readonly height: number
  ) {
    super(`a screen of ${width} x ${height} pixels`);
  }
}

/** A desktop announced, or did, more than a viewer takes. */
export class Excess extends Error {}

/** @throws TooLarge when a screen is beyond the bounds */
export function checkSize(width: number, height: number): void {
  if (width * height > MOST_PIXELS || Math.max(width, height) > LONGEST_SIDE) {
    throw new TooLarge(width, height);
  }
}

/** @throws Excess when `value` is over `limit` */
export function checkLimit(what: string, value: number, limit: number): void {
  if (value > limit) {
    throw new Excess(`${what}: ${value}, at most ${limit}`);
  }
}
