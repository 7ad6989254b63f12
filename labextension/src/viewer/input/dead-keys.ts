/**
 * Dead keys: an accent and a letter that make one character.
 *
 * A canvas is no place to write in, so on Linux and macOS a browser says of the letter's `keydown` only which key it
 * was, and noVNC would lose the accent. Its `keypress` has the character. It comes if nobody prevents it.
 */
import type { IRFB } from '../engine/novnc';
import { keysymOf } from './keysyms';

const MODIFIERS = /^(Shift|AltGraph|CapsLock|NumLock)$/;

/** Watches the keys of a canvas before noVNC does, and presses what a dead key and the next make. */
export class DeadKeys {
  /**
   * @param screen - the parent of the canvas
   * @param _rfb - the desktop, while there is one
   * @param signal - ends the watch
   */
  constructor(
    screen: HTMLElement,
    private readonly _rfb: () => IRFB | null,
    signal: AbortSignal
  ) {
    const options = { signal, capture: true };
    screen.addEventListener('keydown', event => this._keyDown(event), options);
    screen.addEventListener('keypress', event => this._keyPress(event), options);
    screen.addEventListener('keyup', event => this._keyUp(event), options);
    screen.addEventListener('focusout', () => (this._armed = false), { signal });
  }

  private _keyDown(event: KeyboardEvent): void {
    const pressed = this._pressed.get(event.code);
    if (event.repeat && pressed !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this._rfb()?.sendKey(pressed, event.code, true);
    } else if (!this._armed) {
      // noVNC gets the dead key, too: a server that goes by the places of keys makes the character by itself.
      this._armed = event.key === 'Dead';
    } else if (!MODIFIERS.test(event.key)) {
      this._armed = false;
      if (event.key.length === 1 && !event.ctrlKey && !event.altKey && !event.metaKey) {
        this._letter = event;
        event.stopPropagation();
      }
    }
  }

  private _keyPress(event: KeyboardEvent): void {
    if (this._letter) {
      event.preventDefault();
      event.stopPropagation();
      this._press(this._letter.code, event.key);
    }
  }

  private _keyUp(event: KeyboardEvent): void {
    const { code } = event;
    if (this._letter?.code === code) {
      // A browser that had nothing to say of the two together: then it is the letter alone.
      this._press(code, this._letter.key);
    }
    const pressed = this._pressed.get(code);
    if (pressed !== undefined) {
      this._pressed.delete(code);
      event.stopPropagation();
      this._rfb()?.sendKey(pressed, code, false);
    }
  }

  private _press(code: string, character: string): void {
    this._letter = null;
    const keysym = keysymOf(character);
    this._pressed.set(code, keysym);
    this._rfb()?.sendKey(keysym, code, true);
  }

  private _armed = false;
  private _letter: KeyboardEvent | null = null;
  private readonly _pressed = new Map<string, number>();
}
