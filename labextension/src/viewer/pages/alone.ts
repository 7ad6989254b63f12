/**
 * Only whoever looks in types: the input of the others at the desktop is held while this is on.
 */
import { browserClock, type IClock, Timer } from '../ui/clock';
import { button } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';

/** How often the server is told (milliseconds); it forgets it otherwise. */
export const BEAT = 5000;

/** A button that stays pressed. */
export class Alone {
  /**
   * @param _send - tells the server; does nothing without a connection
   */
  constructor(
    trans: ITranslate,
    private readonly _send: (text: string) => void,
    clock: IClock = browserClock
  ) {
    this._timer = new Timer(clock);
    this.node = button({ className: 'jp-VNC-button jp-VNC-alone', text: trans.__('Only I type') });
    this.node.addEventListener('click', () => this._turn(!this._on));
    this.node.hidden = true;
    this._show(false);
  }

  readonly node: HTMLButtonElement;

  /** Tell whether the reader is in control now; a new connection begins with the others typing, too. */
  follow(controls: boolean): void {
    if (controls === this.node.hidden) {
      this.node.hidden = !controls;
      this._timer.clear();
      this._show(false);
    }
  }

  private _turn(on: boolean): void {
    this._show(on);
    this._tell();
  }

  private _tell(): void {
    this._send(JSON.stringify({ type: 'alone', on: this._on }));
    this._timer.clear();
    if (this._on) {
      this._timer.set(() => this._tell(), BEAT);
    }
  }

  private _show(on: boolean): void {
    this._on = on;
    this.node.setAttribute('aria-pressed', String(on));
  }

  private readonly _timer: Timer;
  private _on = false;
}
