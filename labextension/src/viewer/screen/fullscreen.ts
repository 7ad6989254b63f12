/**
 * Full screen of one element, with the keys that a browser otherwise keeps.
 */
import { Emitter } from '../ui/emitter';
import { unattended } from '../ui/report';

/** Chromium's Keyboard Lock; other browsers have none. */
interface IKeyboardLock {
  lock(): Promise<void>;
  unlock(): void;
}

/** Puts one element into full screen and out of it. */
export class FullScreen {
  constructor(private readonly _element: HTMLElement) {
    document.addEventListener('fullscreenchange', () => this._hear(), { signal: this._listening.signal });
  }

  /** Emits when the reader enters or leaves full screen, by whatever means; entering, maybe after `toggle` is done. */
  readonly changed = new Emitter<void>();

  /** Whether the element fills the screen. */
  get on(): boolean {
    return document.fullscreenElement === this._element;
  }

  /**
   * Enter or leave.
   *
   * @returns whether the desktop gets Esc and the like, so that Esc has to be held to leave
   */
  async toggle(): Promise<boolean> {
    if (this.on) {
      await document.exitFullscreen();
      return false;
    }
    await this._element.requestFullscreen({ navigationUI: 'hide' });
    try {
      const lock = keyboardLock();
      await lock?.lock();
      this._locked = lock !== undefined;
      return this._locked;
    } catch {
      return false;
    }
  }

  /** Leave full screen and stop listening. */
  dispose(): void {
    this._listening.abort();
    this.changed.clear();
    this._unlock();
    if (this.on) {
      unattended(document.exitFullscreen());
    }
  }

  private _hear(): void {
    if (!this.on) {
      this._unlock();
    }
    this.changed.emit();
  }

  /** Otherwise the browser would lock the keys again for whatever of the page is in full screen next. */
  private _unlock(): void {
    if (this._locked) {
      this._locked = false;
      keyboardLock()?.unlock();
    }
  }

  private _locked = false;
  private readonly _listening = new AbortController();
}

function keyboardLock(): IKeyboardLock | undefined {
  return (navigator as Navigator & { keyboard?: IKeyboardLock }).keyboard;
}
