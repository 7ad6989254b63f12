/**
 * How noVNC draws, by what the reader chose: a dot for a pointer, and pixels of the screen.
 */
import { askForSize, askInScreenPixels, type IRFB } from '../engine/novnc';
import type { Preferences } from '../preferences';

/** The look of one viewer's desktop. */
export class Look {
  constructor(private readonly _preferences: Preferences) {}

  /** noVNC exists, and is not yet connected. */
  opened(rfb: IRFB): void {
    rfb.background = 'transparent';
    askInScreenPixels(rfb, () => this._preferences.now.sharp);
    this._draw(rfb);
  }

  /** Do what the reader wants. */
  apply(rfb: IRFB): void {
    const { sharp } = this._preferences.now;
    this._draw(rfb);
    if (sharp !== this._sharp) {
      this._sharp = sharp;
      askForSize(rfb);
    }
  }

  private _draw(rfb: IRFB): void {
    const { dotCursor } = this._preferences.now;
    if (rfb.showDotCursor !== dotCursor) {
      rfb.showDotCursor = dotCursor;
    }
  }

  private _sharp = false;
}
