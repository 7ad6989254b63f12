/**
 * What is seen of a desktop. noVNC draws on a canvas that nobody sees and copies what has changed to one that is seen;
 * both have the size of the desktop. Of a large one that takes far too much: a browser keeps a canvas that is seen
 * several times over. So what is seen of a large desktop has as many pixels as its frame on the screen, and is drawn
 * once for each picture of the browser.
 */
import type { IArea, IDisplay } from './novnc-internals';
import { MOST_COPIED } from './limits';

/** A desktop of more pixels than this is a large one: 2560 x 1600 is not. */
export const LARGE = 2 ** 22;

/** A decoded picture of video; it has to be closed. */
export interface IPicture {
  readonly displayWidth: number;
  readonly displayHeight: number;
  close(): void;
}

type Copy = [source: CanvasImageSource, x: number, y: number, w: number, h: number, toX: number, toY: number];

/** The canvas that is seen, of one noVNC. */
export class Surface {
  /**
   * @param _display - noVNC's
   * @param _lost - told which part of the picture is gone, and has to be asked for
   */
  constructor(
    private readonly _display: IDisplay,
    private readonly _lost: (area: IArea) => void
  ) {
    const { _target: canvas, _rescale: rescale, copyImage, resize } = _display;
    this._canvas = canvas as HTMLCanvasElement;
    this._context = this._canvas.getContext('2d')!;
    this._wanted = { width: canvas.width, height: canvas.height, style: canvas.style };
    // What noVNC does to the canvas that it takes for the one that is seen.
    _display._target = this._wanted;
    _display._targetCtx = { drawImage: (...copy: unknown[]) => this._copy(copy as Copy) };
    _display._rescale = factor => {
      rescale.call(_display, factor);
      this._redraw();
    };
    _display.copyImage = (...move) => {
      const [, , x, y, w, h, isQueued = false] = move;
      const waits = _display._renderQ.length > 0 && !isQueued;
      if (waits || _display._fbWidth * _display._fbHeight <= MOST_COPIED) {
        copyImage.apply(_display, move);
      } else {
        this._lost({ x, y, w, h });
      }
    };
    _display.resize = (width, height) =>
      this._resize(width, height, () => resize.call(_display, width, height));
  }

  /**
   * Show a picture of the whole desktop that came by another way, until something is drawn over it. What noVNC has
   * drawn stays as it is, so that what comes for it still fits.
   */
  show(picture: IPicture): void {
    const { x, y, w, h } = this._display._viewportLoc;
    const { _wanted: wanted, _canvas: canvas, _context: context } = this;
    if (!this._isLarge) {
      setSize(canvas, wanted.width, wanted.height);
    }
    const [across, down] = [canvas.width / w, canvas.height / h];
    // Without the part of the view that it does not have: that of a desktop of an odd size.
    const [width, height] = [Math.min(w, picture.displayWidth - x), Math.min(h, picture.displayHeight - y)];
    if (width > 0 && height > 0) {
      context.drawImage(
        picture as unknown as CanvasImageSource,
        ...([x, y, width, height, 0, 0, width * across, height * down] as const)
      );
    }
    this._shown?.close();
    this._shown = picture;
  }

  /** What is drawn is what noVNC has drawn again. */
  forget(): void {
    this._shown?.close();
    this._shown = null;
  }

  /** The whole desktop as it is seen, if a picture that came by another way is over it. */
  snapshot(): HTMLCanvasElement | null {
    if (!this._shown) {
      return null;
    }
    const whole = document.createElement('canvas');
    setSize(whole, this._display._fbWidth, this._display._fbHeight);
    const context = whole.getContext('2d')!;
    context.drawImage(this._display._backbuffer, 0, 0);
    context.drawImage(this._shown as unknown as CanvasImageSource, 0, 0);
    return whole;
  }

  /** Draw nothing more. */
  dispose(): void {
    cancelAnimationFrame(this._frame);
    this.forget();
  }

  /** Change the size of the desktop. The old picture of a large one is let go before there is a new one. */
  private _resize(width: number, height: number, resize: () => void): void {
    const { _backbuffer: picture, _fbWidth, _fbHeight } = this._display;
    const changes = picture.width !== width || picture.height !== height;
    const lets = changes && Math.max(picture.width * picture.height, width * height) > LARGE;
    if (lets) {
      setSize(picture, 0, 0);
      setSize(this._canvas, 0, 0);
    }
    resize();
    if (lets && _fbWidth * _fbHeight > 0) {
      this._lost({ x: 0, y: 0, w: width, h: height });
    }
  }

  private get _isLarge(): boolean {
    return this._wanted.width * this._wanted.height > LARGE;
  }

  /** noVNC shows what has changed. */
  private _copy([source, x, y, width, height, toX, toY]: Copy): void {
    if (this._isLarge) {
      this._changed = around(this._changed, { x: toX, y: toY, w: width, h: height });
      this._frame ||= requestAnimationFrame(() => this._show());
    } else {
      setSize(this._canvas, this._wanted.width, this._wanted.height);
      this._context.drawImage(source, x, y, width, height, toX, toY, width, height);
    }
  }

  /** The frame is another, or the desktop is shown larger or smaller. */
  private _redraw(): void {
    if (this._isLarge) {
      this._frame ||= requestAnimationFrame(() => this._show());
    }
  }

  private _show(): void {
    this._frame = 0;
    const { _viewportLoc: view, _backbuffer, _scale } = this._display;
    const factor = Math.min(1, _scale * window.devicePixelRatio);
    const [width, height] = [view.w, view.h].map(side => Math.max(1, Math.round(side * factor))) as [
      number,
      number
    ];
    if (!this._isLarge) {
      return;
    }
    const area = setSize(this._canvas, width, height) ? { x: 0, y: 0, w: view.w, h: view.h } : this._changed;
    this._changed = null;
    if (area) {
      // All of it, within what has changed: parts that are scaled for themselves do not fit together.
      this._clipped(area, width / view.w, height / view.h, context =>
        context.drawImage(_backbuffer, view.x, view.y, view.w, view.h, 0, 0, width, height)
      );
    }
  }

  private _clipped(
    { x, y, w, h }: IArea,
    across: number,
    down: number,
    draw: (context: CanvasRenderingContext2D) => void
  ): void {
    const [left, top] = [Math.floor(x * across) - 1, Math.floor(y * down) - 1];
    this._context.save();
    this._context.beginPath();
    this._context.rect(
      left,
      top,
      Math.ceil((x + w) * across) + 1 - left,
      Math.ceil((y + h) * down) + 1 - top
    );
    this._context.clip();
    draw(this._context);
    this._context.restore();
  }

  private readonly _canvas: HTMLCanvasElement;
  private readonly _context: CanvasRenderingContext2D;
  /** The size that noVNC gave to the canvas: that of the part of the desktop which is in the frame. */
  private readonly _wanted: { width: number; height: number; readonly style: CSSStyleDeclaration };
  private _changed: IArea | null = null;
  private _shown: IPicture | null = null;
  private _frame = 0;
}

/** Set the size of a canvas, which empties it; false where it has that size. */
function setSize(canvas: HTMLCanvasElement, width: number, height: number): boolean {
  if (canvas.width === width && canvas.height === height) {
    return false;
  }
  Object.assign(canvas, { width, height });
  return true;
}

/** The smallest area with both in it. */
function around(one: IArea | null, other: IArea): IArea {
  if (!one) {
    return other;
  }
  const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  const [right, bottom] = [
    Math.max(one.x + one.w, other.x + other.w),
    Math.max(one.y + one.h, other.y + other.h)
  ];
  return { x, y, w: right - x, h: bottom - y };
}
