/**
 * What a viewer does beside showing a desktop: it measures, adapts, shares the clipboard, rings, keeps the screen on
 * and keeps a picture. Each part has a module of its own; here they follow the connection and the reader's choices.
 */
import { Adaptive } from './quality/adaptive';
import { Bell } from './screen/bell';
import { isTooLong, tooLong } from './panels/clipboard';
import { Coalesced, PICTURE_FIRST, Timer } from './ui/clock';
import { Company, describe, type IPresence } from './presence';
import { Emitter } from './ui/emitter';
import { type ISample, Meter } from './quality/meter';
import type { Note } from './connection/notices';
import { askForSize, askInScreenPixels, type IRFB, onRFB } from './engine/novnc';
import type { IViewerOptions } from './options';
import { keepPicture, pictureKey } from './screen/thumbnails';
import type { IOwnPreferences, Preferences } from './preferences';
import { Pulse } from './connection/liveness';
import { unattended } from './ui/report';
import { Seamless } from './input/clipboard-sync';
import type { Stage } from './screen/stage';
import { Statistics } from './quality/statistics';
import { Updates } from './connection/updates';
import { Wake } from './screen/wake-lock';

/** How often the connection is measured (milliseconds). */
const INTERVAL = 2000;

/** Texts that are copied on the desktop more often than this are taken over once (milliseconds). */
const COPY_INTERVAL = 200;

/** The extras of one viewer. */
export class Extras {
  constructor(
    private readonly _options: IViewerOptions,
    private readonly _stage: Stage,
    private readonly _preferences: Preferences,
    private readonly _isViewOnly: () => boolean
  ) {
    const { clock, trans, probe } = _options;
    this._timer = new Timer(clock);
    this._copied = new Coalesced(clock, COPY_INTERVAL);
    this._meter = new Meter(clock, probe);
    this.pulse = new Pulse(clock, probe);
    this._bell = new Bell(_stage.node, clock);
    this._statistics = new Statistics(trans);
    this._seamless = new Seamless(
      () => this._ways(),
      text => this._bring(text)
    );
    _stage.node.append(this._statistics.node);
    _stage.screen.addEventListener('focusin', () => unattended(this._seamless.bring()));
    _preferences.changed.on(() => this._apply());
    this.company = new Company(clock, _options.fetchViewers);
    this.company.changed.on(came => this._greet(came));
  }

  /** Who else is there. */
  readonly company: Company;

  /** Whether the connection is alive. */
  readonly pulse: Pulse;

  /** Emits what was measured; null when nothing is. */
  readonly sampled = new Emitter<ISample | null>();

  /** What was measured last. */
  get sample(): ISample | null {
    return this._sample;
  }

  /** Open a websocket that is measured. */
  openSocket(path: string, protocols: string[]): WebSocket {
    this._socket = this.pulse.watch(this._meter.watch(this._options.openSocket(path, protocols)));
    return this._socket;
  }

  /** The server said something beside the picture. */
  noted(note: Note): void {
    if (note.kind === 'message') {
      this._stage.messages.show(note);
    } else if (note.kind === 'viewers') {
      this.company.refresh();
    }
  }

  /** noVNC exists, and is not yet connected. */
  opened(rfb: IRFB): void {
    onRFB(rfb, 'clipboard', ({ text }) => this._copied.set(() => this._receive(text)));
    onRFB(rfb, 'cliptoolong', () => this._copied.set(() => this._receive(null)));
    onRFB(rfb, 'moved', () => this.pulse.move());
    onRFB(rfb, 'suspected', () => this.pulse.suspect());
    askInScreenPixels(rfb, () => this._preferences.now.sharp);
    onRFB(rfb, 'bell', () => this._preferences.now.bell && this._bell.ring());
    this._dress(rfb);
  }

  /** The desktop is there. */
  arrived(rfb: IRFB): void {
    this._rfb = rfb;
    this._updates = this._socket && new Updates(rfb, this._socket);
    this._adaptive.reset();
    this._meter.watchCanvas(this._stage.canvas);
    this._apply();
    if (this._stage.screen.contains(document.activeElement)) {
      unattended(this._seamless.bring());
    }
  }

  /** The desktop went away; its canvas is still there. */
  departed(): void {
    this.keep();
    this._rfb = null;
    this._updates = null;
    this._apply();
    this.company.forget();
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
    const { memory, place, name } = this._options;
    if (place === undefined) {
      return;
    }
    if (!this._preferences.now.pictures) {
      memory.set(pictureKey(place, name), '');
    } else if (this._rfb) {
      keepPicture(memory, pictureKey(place, name), this._stage.canvas);
    }
  }

  /** Leave nothing behind. */
  dispose(): void {
    this.keep();
    this._rfb = null;
    this._timer.clear();
    this._copied.clear();
    this._bell.dispose();
    this.company.dispose();
    this.pulse.dispose();
    this._wake.dispose();
    this.sampled.clear();
  }

  /** Do what the reader wants, as far as the desktop is there. */
  private _apply(): void {
    const { adaptive, statistics, keepAwake, sharp } = this._preferences.now;
    const live = this._rfb !== null && this._visible;
    this._wake.wanted = live && keepAwake;
    this.company.wanted = live;
    this.pulse.wanted = live;
    if (this._updates) {
      this._updates.wanted = this._visible;
    }
    if (this._rfb) {
      this._dress(this._rfb);
      if (sharp !== this._sharp) {
        this._sharp = sharp;
        askForSize(this._rfb);
      }
    }
    if (live && (adaptive || statistics)) {
      this._measuring ||= this._measure();
      this._tell(this._sample);
    } else {
      this._timer.clear();
      this._measuring = false;
      this._tell(null);
    }
  }

  /** Nobody watches unannounced. */
  private _greet(came: readonly IPresence[]): void {
    if (came.length > 0) {
      this._stage.tell(came.map(one => `${describe(this._options.trans, one)}.`).join(' '));
    }
  }

  private _dress(rfb: IRFB): void {
    const { quality, compression } = this._asked;
    rfb.qualityLevel = quality;
    rfb.compressionLevel = compression;
    if (rfb.showDotCursor !== this._preferences.now.dotCursor) {
      rfb.showDotCursor = this._preferences.now.dotCursor;
    }
  }

  /** Quality and compression that the desktop is asked for. */
  private get _asked(): IOwnPreferences {
    const { now } = this._preferences;
    return now.adaptive ? this._adaptive.choose(now) : now;
  }

  private _measure(): true {
    this._meter.sample(); // what happened while nobody measured counts for nothing
    const next = (): void => {
      unattended(this._meter.probe());
      this._timer.set(() => {
        const sample = this._meter.sample();
        this._adaptive.follow(sample);
        if (this._rfb) {
          this._dress(this._rfb);
        }
        this._tell(sample);
        next();
      }, INTERVAL);
    };
    this._timer.set(next, PICTURE_FIRST);
    return true;
  }

  private _tell(sample: ISample | null): void {
    if (sample !== this._sample) {
      this._sample = sample;
      this.sampled.emit(sample);
    }
    this._statistics.show(this._preferences.now.statistics ? sample : null, this._asked);
  }

  private _ways(): { toDesktop: boolean; fromDesktop: boolean } {
    const { clipboard } = this._options.settings;
    const wanted = this._preferences.now.seamless && this._rfb !== null;
    return {
      toDesktop: wanted && !this._isViewOnly() && ['both', 'to-desktop'].includes(clipboard),
      fromDesktop: wanted && ['both', 'from-desktop'].includes(clipboard)
    };
  }

  /** Take over what was copied on the desktop; null is too long. */
  private _receive(text: string | null): void {
    if (text === null && this._isViewOnly()) {
      return; // noVNC takes over no text then, of whatever length
    }
    const refusal = this._stage.clipboard.receive(text);
    if (refusal !== null) {
      this._stage.tell(refusal);
    } else if (text !== null) {
      unattended(this._seamless.take(text));
    }
  }

  private _bring(text: string): boolean {
    const fits = !isTooLong(text);
    if (fits) {
      this._rfb?.clipboardPasteFrom(text);
    } else {
      this._stage.tell(tooLong(this._options.trans));
    }
    return true;
  }

  private readonly _timer: Timer;
  private readonly _copied: Coalesced;
  private readonly _meter: Meter;
  private readonly _bell: Bell;
  private readonly _statistics: Statistics;
  private readonly _seamless: Seamless;
  private readonly _adaptive = new Adaptive();
  private readonly _wake = new Wake();
  private _rfb: IRFB | null = null;
  private _socket: WebSocket | null = null;
  private _updates: Updates | null = null;
  private _sample: ISample | null = null;
  private _sharp = false;
  private _measuring = false;
  private _visible = true;
}
