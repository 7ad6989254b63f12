/**
 * Small pictures of the reader's desktop for the wall of their instructors: made here, while the server asks for them.
 */
import { type IClock, Timer } from './ui/clock';
import { element } from './ui/dom';
import { Emitter } from './ui/emitter';

/** The longest side of a picture (pixels); the server takes none that is larger. */
const LONGEST_SIDE = 320;

/** The longest picture (bytes), as the server has it. */
const LONGEST = 24 * 1024;

/** How good pictures are, best first: the next one is tried where a picture is too long. */
const QUALITIES = [0.6, 0.3, 0.05];

/** The first picture comes after this (milliseconds), or sooner: those of a class need not come at once. */
const FIRST = 1500;

/** What it needs. */
export interface IWallOptions {
  readonly clock: IClock;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  /** What is seen of the desktop; null while there is nothing. */
  readonly canvas: () => HTMLCanvasElement | null;
  /** Tell the server; does nothing without a connection. */
  readonly send: (text: string) => void;
  /** Tell the reader, when it begins. */
  readonly begun: () => void;
  /** Make a picture; null where this browser cannot. */
  readonly draw?: (canvas: HTMLCanvasElement) => string | null;
}

/** Sends pictures of one desktop. */
export class WallCamera {
  constructor(private readonly _options: IWallOptions) {
    this._timer = new Timer(_options.clock);
  }

  /** Emits when it begins or ends. */
  readonly changed = new Emitter<void>();

  /** Whether the server asks for pictures. */
  get asked(): boolean {
    return this._every > 0;
  }

  /** Whether pictures are sent: they are asked for, and there is something to see. */
  get on(): boolean {
    return this.asked && this._options.canvas() !== null;
  }

  /**
   * The server asks for pictures, or for none any more.
   *
   * @param every - seconds between two; 0 for none
   */
  ask(every: number): void {
    this._every = Number.isFinite(every) && every > 0 ? Math.max(1, every) : 0;
    this._sent = '';
    this.follow();
  }

  /** Begin or end: there is something to see now, or nothing any more. */
  follow(): void {
    const { canvas, random, begun } = this._options;
    const on = this.asked && canvas() !== null;
    this._timer.clear();
    if (on) {
      this._timer.set(() => this._shoot(), FIRST * random());
    }
    if (on !== this._was) {
      this._was = on;
      this.changed.emit();
      if (on) {
        begun();
      }
    }
  }

  /** Leave nothing behind. */
  dispose(): void {
    this._timer.clear();
    this.changed.clear();
  }

  private _shoot(): void {
    this._timer.set(() => this._shoot(), this._every * 1000);
    const { canvas: find, draw = drawPicture, send } = this._options;
    const canvas = find();
    const data = canvas && draw(canvas);
    if (data && data !== this._sent) {
      this._sent = data;
      send(JSON.stringify({ type: 'picture', data }));
    }
  }

  private readonly _timer: Timer;
  private _every = 0;
  private _was = false;
  private _sent = '';
}

/** What a canvas shows, small, as base64; null where it is empty, or the browser makes no such pictures. */
export function drawPicture(canvas: HTMLCanvasElement): string | null {
  const longest = Math.max(canvas.width, canvas.height);
  if (Math.min(canvas.width, canvas.height) === 0) {
    return null;
  }
  const small = element('canvas');
  const factor = Math.min(1, LONGEST_SIDE / longest);
  small.width = Math.max(1, Math.round(canvas.width * factor));
  small.height = Math.max(1, Math.round(canvas.height * factor));
  // Without transparency: the simple format has none.
  const context = small.getContext('2d', { alpha: false });
  if (!context) {
    return null;
  }
  context.imageSmoothingQuality = 'high';
  context.drawImage(canvas, 0, 0, small.width, small.height);
  for (const quality of QUALITIES) {
    const data = simpleWebP(small.toDataURL('image/webp', quality));
    if (data === null || data.length <= LONGEST) {
      return data && btoa(data);
    }
  }
  return null;
}

/**
 * A picture in WebP's simple lossy format (RFC 9649 section 2.5), with nothing beside it: browsers add a profile.
 *
 * @param url - a data URL, as a canvas makes it
 * @returns its bytes as characters; null where it is no lossy WebP picture
 */
export function simpleWebP(url: string): string | null {
  const [head, body = ''] = url.split(',', 2);
  if (head !== 'data:image/webp;base64') {
    return null;
  }
  const data = atob(body);
  for (let at = 12; at + 8 <= data.length;) {
    const length = [7, 6, 5, 4].reduce((sum, byte) => sum * 256 + data.charCodeAt(at + byte), 0);
    const end = at + 8 + length + (length % 2);
    if (data.startsWith('VP8 ', at) && end <= data.length) {
      const chunk = data.slice(at, end);
      return `RIFF${inBytes(4 + chunk.length)}WEBP${chunk}`;
    }
    at = end;
  }
  return null;
}

/** A number in four bytes, the lowest first. */
const inBytes = (value: number): string =>
  String.fromCharCode(...[0, 8, 16, 24].map(shift => (value >>> shift) & 255));
