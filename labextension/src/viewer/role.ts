/**
 * Whether a reader works on a desktop, or only looks on: because no more is permitted, or by choice.
 */
import type { IRFB } from './novnc';

type Mode = 'control' | 'view';

/** The role of one viewer's reader. */
export class Role {
  /**
   * @param mode - what the server permits
   * @param _changed - told whether the reader only looks, while there is a desktop
   */
  constructor(
    mode: Mode,
    private readonly _changed: (viewOnly: boolean) => void
  ) {
    this._permitted = mode;
  }

  /** Whether more than looking is permitted. */
  get mayControl(): boolean {
    return this._permitted === 'control';
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
    }
  }

  private _apply(rfb: IRFB): void {
    rfb.viewOnly = this.viewOnly;
    rfb.focusOnClick = !this.viewOnly;
    this._changed(this.viewOnly);
  }

  private _permitted: Mode;
  private _looking = false;
}
