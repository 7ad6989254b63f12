/**
 * How the desktop fits its frame.
 */
import { askForSize, type IRFB, onRFB, sizeOf } from '../engine/novnc';
import { type IClock, Timer } from '../ui/clock';
import type { IViewerOptions } from '../options';

/** `fit`: shown smaller or larger; `remote`: the desktop takes the size of its frame; `off`: pixel by pixel. */
export type Scaling = 'fit' | 'remote' | 'off';

/** How a target is shown until the reader chooses. */
export function initialScaling(options: IViewerOptions): Scaling {
  const chosen = options.memory.get(`scaling:${options.name}`);
  if (chosen === 'fit' || chosen === 'remote' || chosen === 'off') {
    return chosen;
  }
  const { resize } = options.settings;
  return resize === 'scale' ? 'fit' : resize;
}

/** A desktop is never asked to be smaller than this: windows on it would be lost (CSS pixels). */
const SMALLEST = { width: 200, height: 150 };

/**
 * A desktop of more pixels than this, as 4K has them, has no scroll bars: a browser keeps all of what they scroll over
 * in its memory, several times over.
 */
const MOST_SCROLLED = 3840 * 2160;

/** So long after a viewer has left, a size that it had asked for may still arrive (milliseconds). */
const LATE = 5000;

/** Longer than the server may take to tell that somebody has come, who asks for their size after that (milliseconds). */
const TOLD = 1500;

/** Keeps noVNC's scaling in step with the frame, and never asks a desktop to take the size of a hidden one. */
export class Fit {
  /**
   * Create it before noVNC: observers are told in the order of their making, and this one must switch the
   * resizing off before noVNC's own observer asks for the new size.
   *
   * @param _isAlone - whether nobody else is known to be at the desktop, who would ask for a size of their own
   */
  constructor(
    private readonly _frame: HTMLElement,
    private _scaling: Scaling,
    private readonly _clock: IClock,
    private readonly _isAlone: () => boolean
  ) {
    this._answering = new Timer(_clock);
    this._observer = new ResizeObserver(() => this._apply());
    this._observer.observe(_frame);
  }

  /** How the desktop fits. */
  get scaling(): Scaling {
    return this._scaling;
  }
  set scaling(scaling: Scaling) {
    this._scaling = scaling;
    this._apply();
  }

  /** Whether a pointer that is dragged moves the view of a desktop that is larger than its frame. */
  get dragging(): boolean {
    return this._scaling === 'off' && (this._dragging || this._isTooLargeToScroll());
  }
  set dragging(dragging: boolean) {
    this._dragging = dragging;
    this._apply();
  }

  /** Whether the frame is shown. Set it before it is hidden and after it is shown. */
  set visible(visible: boolean) {
    this._visible = visible;
    this._apply();
  }

  /** The noVNC to keep in step, or none. */
  set rfb(rfb: IRFB | null) {
    this._rfb = rfb;
    this._insisting = 0;
    this._answering.clear();
    if (rfb) {
      onRFB(rfb, 'resized', () => this._resized());
    }
    this._apply();
  }

  /** Ask for the size of the frame again: another viewer that had a size of its own has left. */
  renew(): void {
    this._insisting = this._isAlone() ? this._clock.now() + LATE : 0;
    this._answering.clear();
    this._ask();
  }

  /** Stop watching. */
  dispose(): void {
    this._observer.disconnect();
    this._answering.clear();
    this._rfb = null;
  }

  private _resized(): void {
    this._apply();
    // The server's word that somebody has left may overtake the last size that they asked for. If it is the size of a
    // newcomer, it is theirs: the server says before long that they are there.
    if (this._clock.now() < this._insisting && this._isAlone()) {
      this._answering.set(() => this._isAlone() && this._ask(), TOLD);
    }
  }

  private _ask(): void {
    if (this._rfb?.resizeSession) {
      askForSize(this._rfb);
    }
  }

  private _apply(): void {
    const rfb = this._rfb;
    if (!rfb) {
      return;
    }
    const resize = this._scaling === 'remote' && this._visible && this._isLargeEnough();
    // Each of these setters does work, and one sends a message.
    if (rfb.resizeSession !== resize) {
      rfb.resizeSession = resize;
    }
    // A desktop that cannot be resized is shown scaled instead.
    const scale = this._scaling !== 'off';
    if (rfb.scaleViewport !== scale) {
      rfb.scaleViewport = scale;
    }
    // Without dragging there are scroll bars.
    if (rfb.clipViewport !== this.dragging) {
      rfb.clipViewport = rfb.dragViewport = this.dragging;
    }
  }

  private _isLargeEnough(): boolean {
    const { clientWidth, clientHeight } = this._frame;
    return clientWidth >= SMALLEST.width && clientHeight >= SMALLEST.height;
  }

  private _isTooLargeToScroll(): boolean {
    const [width, height] = this._rfb ? sizeOf(this._rfb) : [0, 0];
    return width * height > MOST_SCROLLED;
  }

  private readonly _observer: ResizeObserver;
  private readonly _answering: Timer;
  private _rfb: IRFB | null = null;
  private _visible = true;
  /** Until when a size that is not the frame's is answered (milliseconds). */
  private _insisting = 0;
  private _dragging = false;
}
