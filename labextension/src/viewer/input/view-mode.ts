/**
 * Whether a reader controls a desktop or only watches it: because no more is permitted, or by choice.
 */
import { type IRFB, offerAgain } from '../engine/novnc';
import type { Mode } from '../session';

/** What a role depends on. */
export interface IRoleOptions {
  /** The best mode that the reader may have. */
  readonly mode: Mode;
  /** Whether the desktop is somebody else's, and the reader is their instructor. */
  readonly lookingIn?: boolean;
}

/** The role of one viewer's reader. */
export class Role {
  /**
   * @param options - what the server permits, and whether the desktop is somebody else's
   * @param _changed - told whether the reader only looks, while there is a desktop
   */
  constructor(
    { mode, lookingIn = false }: IRoleOptions,
    private readonly _changed: (viewOnly: boolean) => void
  ) {
    this._permitted = mode;
    this._lookingIn = lookingIn;
  }

  /** Whether more than looking is permitted. */
  get mayControl(): boolean {
    return this._permitted === 'control';
  }

  /** Whether the reader may choose here; at somebody else's desktop it is the server that is asked, and the other sees it. */
  get mayChoose(): boolean {
    return this.mayControl && !this._lookingIn;
  }

  /** Whether the reader only looks. */
  get viewOnly(): boolean {
    return !this.mayControl || this._looking;
  }

  /** A new connection: the server has said what it permits. */
  play(rfb: IRFB, mode: Mode): void {
    this._permitted = mode;
    this._apply(rfb);
  }

  /** Only look from now on, so that no key and no click does harm; or work again. */
  toggle(rfb: IRFB | null): void {
    this._looking = !this._looking;
    if (rfb) {
      this._apply(rfb);
      // Whoever watches is shown where the pointer is, and whoever works what it looks like.
      offerAgain(rfb);
    }
  }

  private _apply(rfb: IRFB): void {
    rfb.viewOnly = this.viewOnly;
    rfb.focusOnClick = !this.viewOnly;
    this._changed(this.viewOnly);
  }

  private readonly _lookingIn: boolean;
  private _permitted: Mode;
  private _looking = false;
}
