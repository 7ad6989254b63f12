/**
 * The viewer: one desktop in one element, for JupyterLab and for the standalone page.
 *
 * noVNC draws and reads input; a host gives an element to stand in, a way to ask for tokens, and a toolbar.
 */
import type { IActionable } from './toolbar/actions';
import { Capture } from './input/keyboard-capture';
import { Connection, type IStatus } from './connection/connection';
import { Emitter } from './ui/emitter';
import { Extras } from './extras';
import { Fit, initialScaling, type Scaling } from './screen/fit';
import { FullScreen } from './screen/fullscreen';
import { Hands } from './input/remote-input';
import type { IRFB } from './engine/novnc';
import type { IViewerOptions } from './options';
import type { PanelName } from './panels/panel';
import { Camera } from './screen/screenshot';
import { Preferences } from './preferences';
import { Role } from './input/view-mode';
import { Stage } from './screen/stage';
import { Remedies } from './remedies';

/** One desktop; put its `node` somewhere and call `connect`. */
export class Viewer implements IActionable {
  constructor(private readonly _options: IViewerOptions) {
    const { memory, name, settings, store } = _options;
    this.preferences = new Preferences(memory, name, settings, store);
    const rfb = (): IRFB | null => this._connection.rfb;
    this.hands = new Hands(rfb, _options.clock, _options.settings.power);
    this.camera = new Camera(rfb, name, _options.keepFile);
    this._stage = new Stage(
      _options,
      {
        remedy: remedy => this._remedies.apply(remedy),
        stop: () => this.disconnect(),
        read: () => this.focus()
      },
      {
        send: text => this._connection.rfb?.clipboardPasteFrom(text),
        hands: this.hands,
        rfb,
        closed: panel => this.togglePanel(panel)
      },
      this.preferences
    );
    this.role = new Role(_options, viewOnly => this._stage.nameCanvas(viewOnly));
    this.extras = new Extras(_options, this._stage, this.preferences, () => this.viewOnly);
    const { node, screen } = this._stage;
    this.node = node;
    const isAlone = (): boolean => this.extras.company.count === 0;
    this._fit = new Fit(screen, initialScaling(_options), _options.clock, isAlone);
    this._capture = new Capture(node, screen, rfb);
    this._full = new FullScreen(_options.fullscreenElement ?? node);
    this._connection = new Connection({
      ..._options,
      screen,
      openSocket: (path, protocols) => this.extras.openSocket(path, protocols)
    });
    this._remedies = new Remedies(_options, this._connection, () => this.extras.keep());
    this._listen();
    this._show(this._connection.status);
  }

  /** The element; it fills its parent. */
  readonly node: HTMLElement;

  /** What the reader chose, and does beside keyboard and mouse; what it does beside showing a desktop. */
  readonly preferences: Preferences;
  readonly hands: Hands;
  readonly camera: Camera;
  readonly role: Role;
  readonly extras: Extras;

  readonly openInBrowser = this._options.openInBrowser;
  readonly mayShare = this._options.share !== undefined;
  readonly giveBack = this._options.giveBack;
  readonly restart = this._options.mayRestart ? (): void => this._remedies.restart() : undefined;

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

  get viewOnly(): boolean {
    return this.role.viewOnly;
  }

  /** Whether the desktop gets the keys. */
  get captured(): boolean {
    return this._capture.captured;
  }

  get scaling(): Scaling {
    return this._fit.scaling;
  }

  get clipboardAllowed(): boolean {
    return this._stage.clipboard.allows(this.viewOnly);
  }

  get dragging(): boolean {
    return this._fit.dragging;
  }

  get fullscreen(): boolean {
    return this._full.on;
  }

  /** Connect with a fresh token, now. */
  connect(): void {
    this._connection.connect();
  }

  /** Disconnect, or stop trying. The desktop goes on. */
  disconnect(): void {
    this.extras.keep();
    this._connection.disconnect();
  }

  /** Show it fitted in another way, and remember that for this target. */
  setScaling(scaling: Scaling): void {
    this._fit.scaling = scaling;
    this._options.memory.set(`scaling:${this._options.name}`, scaling);
    this.changed.emit();
  }

  /** Switch to view only, or back to control. */
  toggleViewOnly(): void {
    this._capture.release();
    this.hands.release();
    this.role.toggle(this._connection.rfb);
    this._stage.panels.close(this.viewOnly);
    this.changed.emit();
  }

  /** Let a pointer that is dragged move the view, or not. */
  toggleDragging(): void {
    this._fit.dragging = !this._fit.dragging;
    this.changed.emit();
  }

  isOpen(panel: PanelName): boolean {
    return this._stage.panels.isOpen(panel);
  }

  /** Open a panel and close the others, or close it. */
  togglePanel(panel: PanelName): void {
    this._stage.panels.toggle(panel, this.viewOnly);
    if (!this.isOpen(panel)) {
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

  /** Give the keyboard to the desktop, or the focus to the button of the overlay. */
  focus(): void {
    const { rfb } = this._connection;
    if (!rfb) {
      this._stage.overlay.focus();
    } else if (this.isOpen('keyboard')) {
      this._stage.keyboard.focus();
    } else {
      (this.viewOnly ? this.node : rfb).focus({ preventScroll: true });
    }
  }

  /** Tell whether anybody can see it: before it is hidden, and after it is shown. */
  set visible(visible: boolean) {
    this._fit.visible = visible;
    this._connection.watched = visible;
    this.extras.visible = visible;
  }

  /** Close the connection; the viewer is of no use afterwards. */
  dispose(): void {
    this._listening.abort();
    this.hands.drop();
    this.extras.dispose();
    this.preferences.dispose();
    this._capture.dispose();
    this._fit.dispose();
    this._full.dispose();
    this._connection.dispose();
    this.changed.clear();
    this._stage.dispose();
  }

  private _listen(): void {
    this._connection.changed.on(status => this._show(status));
    this._connection.opened.on(rfb => this._opened(rfb));
    this._connection.noted.on(note => this.extras.noted(note));
    const { company, sound, hand, wall } = this.extras;
    [company, sound, hand, wall].forEach(({ changed }) => changed.on(() => this.changed.emit()));
    company.left.on(() => this._fit.renew());
    this.extras.pulse.stopped.on(() => this._connection.lose());
    this._capture.changed.on(captured => {
      if (captured) {
        this._stage.hintAtChord();
      }
      this.changed.emit();
    });
    this._capture.left.on(this._options.leave ?? (() => this.node.focus()));
    this.hands.done.on(() => {
      this._stage.keyboard.update();
      this.focus();
      this.changed.emit();
    });
    this._full.changed.on(() => {
      if (!this._full.on) {
        this._stage.hint.hide();
      }
      this.changed.emit();
    });
    window.addEventListener('online', () => this._connection.retryNow(), { signal: this._listening.signal });
  }

  private _opened(rfb: IRFB): void {
    this.role.play(rfb, this._connection.grant?.mode ?? this._options.mode);
    this._fit.rfb = rfb;
    this.extras.opened(rfb);
    ['capabilities', 'resized'].forEach(type => rfb.addEventListener(type, () => this.changed.emit()));
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
      this.extras.forget();
    }
    this.changed.emit();
  }

  private _arrived(): void {
    this._stage.ghost.clear();
    this.extras.arrived(this._connection.rfb!);
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
    this.extras.departed();
    this.hands.drop();
    this._stage.panels.close(this.viewOnly);
    if (hadKeys) {
      this._stage.overlay.focus();
    }
  }

  private readonly _listening = new AbortController();
  private readonly _stage: Stage;
  private readonly _fit: Fit;
  private readonly _capture: Capture;
  private readonly _full: FullScreen;
  private readonly _connection: Connection;
  private readonly _remedies: Remedies;
  private _shown: IStatus | null = null;
}
