/**
 * The viewer: one desktop in one element, for JupyterLab and for the standalone page.
 *
 * It owns the websocket and the states; noVNC draws and reads input. A host gives it an element to stand in,
 * a way to ask for tokens, and a toolbar.
 */
import type { IActionable } from './actions';
import { Capture } from './capture';
import { Connection, type IStatus } from './connection';
import { Emitter } from './emitter';
import { Fit, type Scaling } from './fit';
import { FullScreen } from './fullscreen';
import { COMBINATIONS, HeldModifiers, type Modifier, pressKeys } from './keys';
import { type IRFB, onRFB } from './novnc';
import { initialScaling, type IViewerOptions } from './options';
import { download, takePicture } from './picture';
import { Stage } from './stage';
import type { Remedy } from './status';

/** One desktop; put its `node` somewhere and call `connect`. */
export class Viewer implements IActionable {
  constructor(private readonly _options: IViewerOptions) {
    this._viewOnly = _options.mode === 'view';
    this._stage = new Stage(
      _options,
      { remedy: remedy => this._remedy(remedy), stop: () => this.disconnect() },
      {
        send: text => this._connection.rfb?.clipboardPasteFrom(text),
        closed: () => this.toggleClipboard()
      }
    );
    const { node, screen } = this._stage;
    this.node = node;
    this._fit = new Fit(screen, initialScaling(_options));
    this._capture = new Capture(node, screen);
    this._full = new FullScreen(_options.fullscreenElement ?? node);
    this._connection = new Connection({ ..._options, screen });
    this._listen();
    this._show(this._connection.status);
  }

  /** The element; it fills its parent. */
  readonly node: HTMLElement;

  /** Emits whenever something that a toolbar or a tab shows has changed. */
  readonly changed = new Emitter<void>();

  /** The present situation. */
  get status(): IStatus {
    return this._connection.status;
  }

  /** Whether pixels are arriving. */
  get connected(): boolean {
    return this.status.phase === 'connected';
  }

  /** Whether it is connected, or trying to be. */
  get active(): boolean {
    return !['idle', 'stopped'].includes(this.status.phase);
  }

  /** Whether the reader may only look. */
  get viewOnly(): boolean {
    return this._viewOnly;
  }

  /** Whether the desktop gets the keys. */
  get captured(): boolean {
    return this._capture.captured;
  }

  get scaling(): Scaling {
    return this._fit.scaling;
  }

  get clipboardAllowed(): boolean {
    return this._stage.clipboard.allows(this._viewOnly);
  }

  get clipboardOpen(): boolean {
    return !this._stage.clipboard.node.hidden;
  }

  get fullscreen(): boolean {
    return this._full.on;
  }

  get openInBrowser(): (() => void) | undefined {
    return this._options.openInBrowser;
  }

  /** Connect with a fresh token, now. */
  connect(): void {
    this._connection.connect();
  }

  /** Disconnect, or stop trying. The desktop goes on. */
  disconnect(): void {
    this._connection.disconnect();
  }

  /** Show it fitted in another way, and remember that for this target. */
  setScaling(scaling: Scaling): void {
    this._fit.scaling = scaling;
    this._options.memory.set(`scaling:${this._options.name}`, scaling);
    this.changed.emit();
  }

  /** Send one of the combinations of `keys.ts`, by name. */
  sendKeys(combination: string): void {
    const { rfb } = this._connection;
    if (rfb) {
      pressKeys(rfb, COMBINATIONS[combination]?.keys ?? []);
      this.focus();
    }
  }

  /** Whether a modifier is held down for the reader. */
  isHeld(modifier: Modifier): boolean {
    return this._held.has(modifier);
  }

  /** Hold a modifier down, or let it go. */
  toggleHeld(modifier: Modifier): void {
    const { rfb } = this._connection;
    if (rfb) {
      this._held.toggle(rfb, modifier);
      this.focus();
      this.changed.emit();
    }
  }

  /** Open the clipboard panel, or close it. */
  toggleClipboard(): void {
    this._stage.clipboard.toggle(!this.clipboardOpen, this._viewOnly);
    if (!this.clipboardOpen) {
      this.focus();
    }
    this.changed.emit();
  }

  /** Fill the screen, or leave that. */
  async toggleFullscreen(): Promise<void> {
    const { trans } = this._options;
    const locked = await this._full.toggle();
    if (this._full.on) {
      this._stage.hint.show(
        locked ? trans.__('Hold Esc to leave full screen.') : trans.__('Press Esc to leave full screen.')
      );
      this.focus();
    }
  }

  /** Give the reader a file with the present picture. */
  async saveScreenshot(): Promise<void> {
    const picture = await this.picture();
    if (picture) {
      download(picture, `${this._options.name}.png`);
    }
  }

  /** The present picture as a PNG; null while there is none. */
  picture(): Promise<Blob | null> {
    return takePicture(this._connection.rfb);
  }

  /** Give the keyboard to the desktop, or the focus to the button of the overlay. */
  focus(): void {
    const { rfb } = this._connection;
    if (!rfb) {
      this._stage.overlay.focus();
    } else if (this._viewOnly) {
      this.node.focus({ preventScroll: true });
    } else {
      rfb.focus({ preventScroll: true });
    }
  }

  /** Tell whether anybody can see it: before it is hidden, and after it is shown. */
  set visible(visible: boolean) {
    this._fit.visible = visible;
    this._connection.watched = visible;
  }

  /** Close the connection; the viewer is of no use afterwards. */
  dispose(): void {
    this._listening.abort();
    this._capture.dispose();
    this._fit.dispose();
    this._full.dispose();
    this._connection.dispose();
    this.changed.clear();
    this._stage.dispose();
  }

  private _listen(): void {
    const { signal } = this._listening;
    this._connection.changed.on(status => this._show(status));
    this._connection.opened.on(rfb => this._opened(rfb));
    this._capture.changed.on(captured => this._captureChanged(captured));
    this._capture.left.on(() => (this._options.leave ? this._options.leave() : this.node.focus()));
    this._full.changed.on(() => this._fullscreenChanged());
    window.addEventListener('online', () => this._connection.retryNow(), { signal });
  }

  private _opened(rfb: IRFB): void {
    this._viewOnly = (this._connection.grant?.mode ?? this._options.mode) === 'view';
    this._dress(rfb);
    this._fit.rfb = rfb;
    onRFB(rfb, 'clipboard', ({ text }) => this._stage.clipboard.receive(text));
  }

  private _dress(rfb: IRFB): void {
    const { settings } = this._options;
    rfb.viewOnly = this._viewOnly;
    rfb.focusOnClick = !this._viewOnly;
    rfb.background = 'transparent';
    rfb.qualityLevel = settings.quality;
    rfb.compressionLevel = settings.compression;
    this._stage.nameCanvas(this._viewOnly);
  }

  private _show(status: IStatus): void {
    this._stage.overlay.show(status, this._connection.countdown);
    if (status === this._shown) {
      return; // one second less in a countdown
    }
    const before = this._shown?.phase;
    this._shown = status;
    this._stage.announce(status);
    if (status.phase === 'connected') {
      this._arrived();
    } else if (before === 'connected') {
      this._departed();
    }
    if (!['starting', 'connected'].includes(status.phase)) {
      this._fit.rfb = null;
    }
    this.changed.emit();
  }

  private _arrived(): void {
    this._stage.ghost.clear();
    if (this._stage.mayFocus) {
      this.focus();
    }
  }

  /** The desktop went away: nothing may pretend that it is still there. */
  private _departed(): void {
    const hadKeys = this.captured;
    this._capture.release();
    this._stage.hint.hide();
    this._stage.ghost.keep(this._stage.canvas);
    this._held.release(null);
    this._stage.clipboard.toggle(false, this._viewOnly);
    if (hadKeys) {
      this._stage.overlay.focus();
    }
  }

  private _captureChanged(captured: boolean): void {
    if (captured) {
      this._stage.hintAtChord();
    }
    this.changed.emit();
  }

  private _fullscreenChanged(): void {
    if (!this.fullscreen) {
      this._stage.hint.hide();
    }
    this.changed.emit();
  }

  private _remedy(remedy: Remedy): void {
    if (remedy === 'list') {
      this._options.list();
    } else if (remedy === 'login') {
      this._options.login();
      // The login happens elsewhere; what remains here is to connect again.
      this._connection.disconnect();
    } else {
      this.connect();
    }
  }

  private readonly _listening = new AbortController();
  private readonly _held = new HeldModifiers();
  private readonly _stage: Stage;
  private readonly _fit: Fit;
  private readonly _capture: Capture;
  private readonly _full: FullScreen;
  private readonly _connection: Connection;
  private _shown: IStatus | null = null;
  private _viewOnly: boolean;
}
