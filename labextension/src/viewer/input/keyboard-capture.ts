/**
 * Who gets the keys: the desktop while its canvas has the focus, the page otherwise.
 *
 * Ctrl+Alt+Shift, pressed together and let go, gives the keyboard back to the page.
 */
import { DeadKeys } from './dead-keys';
import { Emitter } from '../ui/emitter';
import type { IRFB } from '../engine/novnc';

/** Lumino leaves shortcuts alone below a node with this attribute; so does Notebook, which listens earlier. */
const SUPPRESS = 'data-lm-suppress-shortcuts';

const CAPTURED_CLASS = 'jp-mod-captured';

/** Watches focus and keys of the element in which noVNC puts its canvas. */
export class Capture {
  /**
   * @param _root - gets the mark that keeps the page's shortcuts away
   * @param _screen - the parent of the canvas; sees keys before noVNC takes them
   * @param rfb - the desktop, while there is one
   */
  constructor(
    private readonly _root: HTMLElement,
    private readonly _screen: HTMLElement,
    rfb: () => IRFB | null
  ) {
    const { signal } = this._listening;
    new DeadKeys(_screen, rfb, signal);
    _screen.addEventListener('focusin', () => this._setCaptured(true), { signal });
    _screen.addEventListener('focusout', () => this._setCaptured(false), { signal });
    _screen.addEventListener('keydown', event => this._keyDown(event), { signal, capture: true });
    _screen.addEventListener('keyup', event => this._keyUp(event), { signal, capture: true });
    _screen.addEventListener('contextmenu', event => keepRightButton(event), { signal });
    window.addEventListener('blur', () => this._pressed.clear(), { signal });
  }

  /** Emits whether the desktop gets the keys. */
  readonly changed = new Emitter<boolean>();

  /** Emits when the reader has pressed the chord to leave. */
  readonly left = new Emitter<void>();

  /** Whether the desktop gets the keys. */
  get captured(): boolean {
    return this._captured;
  }

  /** The canvas goes away; a browser does not say that its focus went with it. */
  release(): void {
    this._setCaptured(false);
  }

  /** Stop listening. */
  dispose(): void {
    this.release();
    this._listening.abort();
    this.changed.clear();
    this.left.clear();
  }

  private _setCaptured(captured: boolean): void {
    if (this._captured === captured) {
      return;
    }
    this._captured = captured;
    if (captured) {
      this._root.setAttribute(SUPPRESS, 'true');
    } else {
      this._root.removeAttribute(SUPPRESS);
      this._releaseKeys();
    }
    this._root.classList.toggle(CAPTURED_CLASS, captured);
    this.changed.emit(captured);
  }

  private _keyDown(event: KeyboardEvent): void {
    this._pressed.set(event.code, event.key);
    this._armed = this._isChord();
  }

  private _keyUp(event: KeyboardEvent): void {
    this._pressed.delete(event.code);
    if (this._armed) {
      this._armed = false;
      (event.target as HTMLElement).blur();
      this.left.emit();
    }
  }

  /** Exactly Ctrl, the left Alt and Shift. The right Alt is AltGr, which goes with Shift in many layouts. */
  private _isChord(): boolean {
    const codes = [...this._pressed.keys()];
    const has = (...names: string[]): boolean => names.some(name => this._pressed.has(name));
    return (
      has('ControlLeft', 'ControlRight') &&
      has('AltLeft') &&
      has('ShiftLeft', 'ShiftRight') &&
      codes.every(code => /^(Control|Shift)(Left|Right)$|^AltLeft$/.test(code))
    );
  }

  /**
   * Tell noVNC that every key is up. It hears of no key that is let go elsewhere, and a modifier that stays down
   * on the desktop spoils everything typed later.
   */
  private _releaseKeys(): void {
    const canvas = this._screen.querySelector('canvas');
    const pressed = [...this._pressed];
    this._pressed.clear();
    this._armed = false;
    for (const [code, key] of pressed) {
      canvas?.dispatchEvent(new KeyboardEvent('keyup', { code, key }));
    }
  }

  private readonly _listening = new AbortController();
  private readonly _pressed = new Map<string, string>();
  private _captured = false;
  private _armed = false;
}

/** The right button belongs to the desktop: neither the browser's nor Lab's menu opens. */
function keepRightButton(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
