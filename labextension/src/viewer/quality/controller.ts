/**
 * The picture that a desktop is asked for: it measures the connection, adapts to it, and shows the figures.
 */
import { Adaptive } from './adaptive';
import { type IClock, PICTURE_FIRST, Timer } from '../ui/clock';
import { Emitter } from '../ui/emitter';
import { type IRFB, onRFB, updatesContinuously } from '../engine/novnc';
import { type ISample, Meter } from './meter';
import type { IPictureChoices, Preferences } from '../preferences';
import type { ITranslate } from '../ui/i18n';
import { type IWay, Statistics } from './statistics';
import { unattended } from '../ui/report';

/** How often the connection is measured (milliseconds). */
const INTERVAL = 2000;

/** Quality and compression of one viewer. */
export class QualityController {
  /**
   * @param clock - when to measure
   * @param trans - the words
   * @param _preferences - the best that is wanted
   * @param probe - ask the server for something small; absent where nobody can
   */
  constructor(
    clock: IClock,
    trans: ITranslate,
    private readonly _preferences: Preferences,
    probe?: () => Promise<unknown>
  ) {
    this._timer = new Timer(clock);
    this._meter = new Meter(clock, probe);
    this._statistics = new Statistics(trans);
    this.node = this._statistics.node;
  }

  /** The box with the figures. */
  readonly node: HTMLElement;

  /** Emits what was measured; null when nothing is. */
  readonly sampled = new Emitter<ISample | null>();

  /** Emits when somebody should ask for the whole picture anew, since parts of it are worse than wanted. */
  readonly outdated = new Emitter<void>();

  /** What was measured last. */
  get sample(): ISample | null {
    return this._sample;
  }

  /** Count what a websocket receives. */
  watch(socket: WebSocket): WebSocket {
    return this._meter.watch(socket);
  }

  /** Count what another websocket brings. */
  count(socket: WebSocket): void {
    this._meter.watch(socket);
  }

  /** Which way the picture comes. */
  way: IWay = { way: '', encoding: '' };

  /** noVNC exists, and is not yet connected: this is what it asks for first. */
  opened(rfb: IRFB): void {
    this._adaptive.reset();
    onRFB(rfb, 'worked', took => this._meter.worked(took));
    onRFB(rfb, 'lossy', () => this._meter.lost());
    this._ask(rfb);
  }

  /** The desktop is there, on a new canvas. */
  arrived(rfb: IRFB, canvas: HTMLCanvasElement | null): void {
    this._rfb = rfb;
    this._meter.watchCanvas(canvas);
  }

  /** The desktop went away. */
  departed(): void {
    this._rfb = null;
  }

  /**
   * Do what the reader wants.
   *
   * @param live - whether the desktop is there and somebody can see it
   */
  apply(live: boolean): void {
    const { adaptive, statistics } = this._preferences.now;
    this._take(live && !adaptive && this._adaptive.renew());
    if (live && (adaptive || statistics)) {
      this._measuring ||= this._measure();
      this._publish(this._sample);
    } else {
      this._timer.clear();
      this._measuring = false;
      this._publish(null);
    }
  }

  /** Leave nothing behind. */
  dispose(): void {
    this._rfb = null;
    this._timer.clear();
    this.sampled.clear();
    this.outdated.clear();
  }

  /** Ask for what is wanted now, and for a new picture if the present one is worse. */
  private _take(isOutdated: boolean): void {
    if (this._rfb) {
      this._ask(this._rfb);
      if (isOutdated) {
        this.outdated.emit();
      }
    }
  }

  private _ask(rfb: IRFB): void {
    const { quality, compression } = this._wanted;
    rfb.qualityLevel = quality;
    rfb.compressionLevel = compression;
  }

  /**
   * Whether the desktop may refine lossy areas by itself, as TigerVNC does, which has continuous updates. Others have
   * those, too, so that it counts only when it happens.
   */
  private get _refines(): boolean {
    return this._rfb !== null && updatesContinuously(this._rfb);
  }

  private get _wanted(): IPictureChoices {
    const { now } = this._preferences;
    return now.adaptive ? this._adaptive.choose(now) : now;
  }

  private _measure(): true {
    this._meter.sample(); // what happened while nobody measured counts for nothing
    const next = (): void => {
      unattended(this._meter.probe());
      this._timer.set(() => {
        const sample = this._meter.sample();
        this._take(this._adaptive.follow(sample, this._refines));
        this._publish(sample);
        next();
      }, INTERVAL);
    };
    this._timer.set(next, PICTURE_FIRST);
    return true;
  }

  private _publish(sample: ISample | null): void {
    if (sample !== this._sample) {
      this._sample = sample;
      this.sampled.emit(sample);
    }
    this._statistics.show(this._preferences.now.statistics ? sample : null, this._wanted, this.way);
  }

  private readonly _timer: Timer;
  private readonly _meter: Meter;
  private readonly _adaptive = new Adaptive();
  private readonly _statistics: Statistics;
  private _rfb: IRFB | null = null;
  private _sample: ISample | null = null;
  private _measuring = false;
}
