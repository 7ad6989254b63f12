/**
 * What a viewer does beside showing a desktop. Each job has a module of its own; here they follow the connection and
 * the reader's choices.
 */
import { Bell } from './screen/bell';
import { Company, greeting } from './presence';
import type { IPresence } from './session';
import { Hand } from './hand';
import { HeldSign } from './screen/held';
import type { Note } from './connection/notices';
import { type IRFB, onRFB } from './engine/novnc';
import type { IViewerOptions } from './options';
import { Look } from './screen/drawing-options';
import { Oversight } from './oversight';
import { Pulse } from './connection/liveness';
import { QualityController } from './quality/controller';
import { SharedClipboard } from './panels/shared-clipboard';
import { Sound } from './sound/sound';
import { showOver } from './engine/over';
import { Video } from './video/video';
import { HIGHEST, type Preferences } from './preferences';
import type { Stage } from './screen/stage';
import { Thumbnail } from './screen/thumbnails';
import { Updates } from './connection/updates';
import { WallCamera } from './wall';
import { Wake } from './screen/wake-lock';

/** The extras of one viewer. */
export class Extras {
  constructor(
    private readonly _options: IViewerOptions,
    private readonly _stage: Stage,
    private readonly _preferences: Preferences,
    isViewOnly: () => boolean
  ) {
    const { clock, trans, probe, settings } = _options;
    this.quality = new QualityController(clock, trans, _preferences, probe);
    this.pulse = new Pulse(clock, probe);
    this.company = new Company(clock, _options.fetchViewers);
    this._oversight = new Oversight(_options, _stage);
    this._bell = new Bell(_stage.node, clock);
    this._look = new Look(_preferences);
    this._thumbnail = new Thumbnail(_options, () => _preferences.now.pictures);
    this._clipboard = new SharedClipboard({
      ..._options,
      policy: settings.clipboard,
      preferences: _preferences,
      panel: _stage.clipboard,
      screen: _stage.screen,
      isViewOnly,
      notify: sentence => _stage.tell(sentence)
    });
    this.sound = new Sound({
      ..._options,
      tell: sentence => _stage.tell(sentence),
      volume: () => _preferences.now.volume / HIGHEST.volume
    });
    this.video = new Video({
      ..._options,
      mode: () => _preferences.now.video,
      show: picture => (this._rfb ? showOver(this._rfb, picture) : picture.close()),
      again: whole => this._updates?.again(whole),
      count: socket => this.quality.count(socket)
    });
    this.quality.way = this.video;
    _stage.lack = () => this.video.lack;
    const send = (text: string): void => this.send(text);
    this.hand = new Hand({
      ..._options,
      send,
      tell: sentence => _stage.tell(sentence),
      question: answer => _stage.messages.question(answer)
    });
    this.wall = new WallCamera({
      clock,
      random: _options.random,
      send,
      canvas: () => (this._rfb ? _stage.canvas : null),
      // After what is said of the picture itself when it comes.
      begun: () => this._oversight.tellOfWall(() => this.wall.on)
    });
    _stage.screen.after(this.quality.node); // under the panels
    this._held = new HeldSign(trans);
    _stage.node.append(this._held.node);
    this.quality.outdated.on(() => this._updates?.renew());
    _preferences.changed.on(() => this._apply());
    this.company.changed.on(came => this._greet(came));
  }

  /** Who else is there. */
  readonly company: Company;

  /** What is heard of the desktop. */
  readonly sound: Sound;

  /** What of the desktop comes as video. */
  readonly video: Video;

  /** Whether the reader asks for help. */
  readonly hand: Hand;

  /** Whether the reader's instructors get pictures of it. */
  readonly wall: WallCamera;

  /** Whether the connection is alive. */
  readonly pulse: Pulse;

  /** What is measured, and what picture is asked for. */
  readonly quality: QualityController;

  /** Tell the server something beside RFB; does nothing without a connection. */
  send(text: string): void {
    if (this._socket?.readyState === 1) {
      this._socket.send(text);
    }
  }

  /** Open a websocket that is measured. */
  openSocket(path: string, protocols: string[]): WebSocket {
    this.forget();
    this._socket = this.pulse.watch(this.quality.watch(this._options.openSocket(path, protocols)));
    return this._socket;
  }

  /** The server said something beside the picture. */
  noted(note: Note): void {
    if (note.kind === 'message' || note.kind === 'link') {
      this._stage.messages.show(note);
    } else if (note.kind === 'viewers') {
      this.company.take(note);
    } else if (note.kind === 'idle') {
      this._warn(note.seconds);
    } else if (note.kind === 'session') {
      this.sound.session = note.id;
      this.video.session = note.id;
    } else if (note.kind === 'overseen') {
      this._oversight.take(note);
      this.hand.take(note);
    } else if (note.kind === 'held') {
      this._held.show(note);
    } else if (note.kind === 'wall') {
      this.wall.ask(note.every);
    }
  }

  /** Others need the machine. */
  private _warn(seconds: number): void {
    this._stage.messages.warn(seconds, () => this._options.stay?.());
  }

  /** noVNC exists, and is not yet connected. */
  opened(rfb: IRFB): void {
    this._clipboard.opened(rfb);
    onRFB(rfb, 'moved', () => this.pulse.move());
    onRFB(rfb, 'suspected', () => this.pulse.suspect());
    onRFB(rfb, 'bell', () => this._ring());
    this._look.opened(rfb);
    this.quality.opened(rfb);
  }

  /** The desktop is there. */
  arrived(rfb: IRFB): void {
    this._rfb = rfb;
    this._updates = this._socket && new Updates(rfb, this._socket);
    this.quality.arrived(rfb, this._stage.canvas);
    this._apply();
    this._clipboard.arrived(rfb);
    this.sound.live = true;
    this.wall.follow();
  }

  /** The desktop went away; its canvas is still there. */
  departed(): void {
    this.keep();
    this._rfb = null;
    this._updates = null;
    this.sound.live = false;
    this.video.forget();
    this.quality.departed();
    this._clipboard.departed();
    this._apply();
    this.forget();
  }

  /** What the server said in an attempt to connect ends with it, whether there was a picture or not. */
  forget(): void {
    this._warn(0);
    this.company.forget();
    this.hand.forget();
    this.wall.ask(0);
    this._held.show(null);
    this._oversight.forget();
  }

  /** Whether anybody can see it. */
  set visible(visible: boolean) {
    if (!visible && this._visible) {
      this.keep();
    }
    this._visible = visible;
    this._apply();
  }

  /** Keep the present picture for the list of desktops, if there is one and the reader wants that. */
  keep(): void {
    this._thumbnail.keep(this._rfb ? this._stage.canvas : null);
  }

  /** Leave nothing behind. */
  dispose(): void {
    this.keep();
    this._rfb = null;
    this.sound.dispose();
    this.video.dispose();
    this.hand.changed.clear();
    this.wall.dispose();
    this._oversight.dispose();
    this.quality.dispose();
    this._clipboard.dispose();
    this._bell.dispose();
    this.company.dispose();
    this.pulse.dispose();
    this._wake.dispose();
  }

  /** Do what the reader wants, as far as the desktop is there. */
  private _apply(): void {
    const live = this._rfb !== null && this._visible;
    this._wake.wanted = live && this._preferences.now.keepAwake;
    this.company.wanted = live;
    this.pulse.wanted = live;
    if (this._updates) {
      this._updates.wanted = this._visible;
    }
    if (this._rfb) {
      this._look.apply(this._rfb);
    }
    this.sound.apply();
    this.video.live = live;
    this.video.apply();
    this.quality.apply(live);
  }

  /** Ring, and say what it was; not in the place of something else that was just said. */
  private _ring(): void {
    if (this._preferences.now.bell && this._bell.ring() && this._stage.hint.node.hidden) {
      this._stage.tell(this._options.trans.__('The desktop rang its bell.'));
    }
  }

  /** Nobody watches unannounced. */
  private _greet(came: readonly IPresence[]): void {
    if (came.length > 0) {
      this._stage.tell(greeting(this._options.trans, came));
    }
  }

  private readonly _bell: Bell;
  private readonly _held: HeldSign;
  private readonly _oversight: Oversight;
  private readonly _look: Look;
  private readonly _thumbnail: Thumbnail;
  private readonly _clipboard: SharedClipboard;
  private readonly _wake = new Wake();
  private _rfb: IRFB | null = null;
  private _socket: WebSocket | null = null;
  private _updates: Updates | null = null;
  private _visible = true;
}
