/**
 * The last picture of each desktop, small, in the reader's own browser: for the list of desktops.
 */
import { element, type IMemory } from '../ui/dom';
import type { IViewerOptions } from '../options';

/** Width of a kept picture (pixels), and its quality. */
const WIDTH = 320;
const QUALITY = 0.6;

/** Longer ones are not kept: a browser gives a site a few megabytes in all (characters). */
const LONGEST = 60000;

/** Where a picture is kept. The path of the service tells two users of one browser apart. */
export function pictureKey(place: string, name: string): string {
  return `picture:${new URL(place, document.baseURI).pathname}${name}`;
}

/** Keep what a canvas shows. */
export function keepPicture(memory: IMemory, key: string, canvas: HTMLCanvasElement | null): void {
  if (!canvas || canvas.width === 0 || canvas.height === 0) {
    return;
  }
  const small = element('canvas');
  small.width = WIDTH;
  small.height = Math.max(1, Math.round((WIDTH * canvas.height) / canvas.width));
  const context = small.getContext('2d');
  if (context) {
    context.drawImage(canvas, 0, 0, small.width, small.height);
    const picture = small.toDataURL('image/webp', QUALITY);
    memory.set(key, picture.length <= LONGEST ? picture : '');
  }
}

/** Keeps the picture of one desktop. */
export class Thumbnail {
  /**
   * @param _options - what the picture is kept under; without a place it is not kept
   * @param _isWanted - whether the reader wants pictures in the list
   */
  constructor(
    private readonly _options: Pick<IViewerOptions, 'memory' | 'place' | 'name'>,
    private readonly _isWanted: () => boolean
  ) {}

  /** Keep what a canvas shows, if there is one; throw away what was kept where that is not wanted. */
  keep(canvas: HTMLCanvasElement | null): void {
    const { memory, place, name } = this._options;
    if (place === undefined) {
      return;
    }
    if (!this._isWanted()) {
      memory.set(pictureKey(place, name), '');
    } else {
      keepPicture(memory, pictureKey(place, name), canvas);
    }
  }
}

/** The picture that was kept, as the URL of an image; null when there is none. */
export function keptPicture(memory: IMemory, key: string): string | null {
  const picture = memory.get(key) ?? '';
  return /^data:image\/(webp|png);base64,/.test(picture) ? picture : null;
}
