/**
 * The video of a desktop: while much moves, pictures come as H.264 by a websocket of their own, and RFB brings one
 * pixel; at rest RFB brings everything, as sharp as it is.
 *
 * Nothing depends on it. Whatever fails, RFB is asked for the whole picture, and goes on.
 */
import { Backoff } from '../connection/backoff';
import type { IPicture } from '../engine/surface';
import type { VideoMode } from '../preferences';
import { PICTURE_FIRST, Timer } from '../ui/clock';
import { report, unattended } from '../ui/report';
import { type Ability, ability, Decoder } from './decoder';
import { MODE, readMessage } from './messages';
import type { IVideoOptions } from './options';
import { Pictures } from './pictures';
import { lackOf, wayOf } from './way';

/** The close code of a desktop that has no video, or none any more. */
const NONE = 4505;

/** So many failures in a row end it, until the desktop is opened again. */
const MOST_FAILURES = 4;

/** A websocket that has held for so long was no failure (milliseconds). */
const STEADY = 30000;

/** A stream that brings nothing for so long while it moves has hung: it has a picture each second (milliseconds). */
const HUNG = 8000;

/** So long after a websocket's end the server has noticed it, too, as a rule (milliseconds). */
const NOTICED = 1000;

/** The video of one viewer. */
export class Video {
  constructor(private readonly _options: IVideoOptions) {
    this._wait = new Timer(_options.clock);
    this._repeat = new Timer(_options.clock);
    this._silence = new Timer(_options.clock);
    this._backoff = new Backoff(_options.random);
    this._pictures = new Pictures({
      clock: _options.clock,
      makeDecoder: _options.makeDecoder ?? ((...on) => new Decoder(...on)),
      show: picture => this._show(picture),
      say: kind => this._say(kind),
      failed: error => this._fail(error)
    });
    if (_options.fetchVideo) {
      unattended(
        (_options.ability ?? ability)().then(found => {
          this._ability = found;
          this.apply();
        })
      );
    }
  }

  /** Whether the desktop has video at all. */
  get offered(): boolean {
    return this._options.fetchVideo !== undefined;
  }

  /** Why this browser, on this page, shows none; empty where it can. */
  get lack(): string {
    return lackOf(this._ability, this._options.trans);
  }

  /** Which way the picture comes, and why, for the statistics. */
  get way(): string {
    const { mode, trans } = this._options;
    return wayOf(
      {
        shows: this._shows,
        offered: this.offered,
        wanted: mode() !== 'never',
        able: this._ability === '' || this._ability === 'able',
        connected: this._socket !== null
      },
      trans
    );
  }

  /** What the picture is encoded as, for the statistics; empty where RFB brings it. */
  get encoding(): string {
    return this._shows ? 'H.264' : '';
  }

  /** The id of the session that shows the desktop; video ends with it. */
  set session(session: string) {
    this._session = session;
    this.apply();
  }

  /** Whether the desktop is there and somebody can see it. */
  set live(live: boolean) {
    if (live !== this._live) {
      this._live = live;
      this._begin();
      this._drop();
      if (live) {
        this._sharpenSoon();
      }
      this.apply();
    }
  }

  /** The connection is over, and its picture with it. */
  forget(): void {
    this._isStale = false;
    this._repeat.clear();
    this._session = '';
    this.live = false;
  }

  /** Do what the reader wants. */
  apply(): void {
    const wanted = this._wanted;
    if (!wanted && this._attempt) {
      this._drop();
      this._sharpenSoon();
    } else if (wanted && !this._attempt && this._failures < MOST_FAILURES) {
      this._attempt = new AbortController();
      this._wait.set(() => this._connect(), PICTURE_FIRST);
    }
    this._tellMode();
  }

  /** Leave no connection, no timer and no decoder. */
  dispose(): void {
    this._live = false;
    this._drop();
    this._repeat.clear();
  }

  private get _wanted(): boolean {
    const able = this.offered && this._ability === 'able';
    return able && this._live && this._session !== '' && this._options.mode() !== 'never';
  }

  private _connect(): void {
    if (this._wanted) {
      unattended(this._open());
    }
  }

  private async _open(): Promise<void> {
    this._attempt?.abort();
    const { signal } = (this._attempt = new AbortController());
    try {
      const grant = await this._options.fetchVideo!(this._session, signal);
      if (!signal.aborted) {
        this._watch(
          this._options.openSocket(grant.websocket, ['binary', `vnc.token.${grant.token}`]),
          signal
        );
      }
    } catch (error) {
      if (!signal.aborted) {
        this._fail(error);
      }
    }
  }

  private _watch(socket: WebSocket, signal: AbortSignal): void {
    socket.binaryType = 'arraybuffer';
    this._options.count(socket);
    const open = (): void => {
      this._socket = socket;
      this._openedAt = this._options.clock.now();
      this._mode = null;
      this._tellMode();
    };
    socket.addEventListener('open', open, { signal });
    socket.addEventListener('message', event => this._take(event.data), { signal });
    socket.addEventListener('close', ({ code }) => this._fail(undefined, code === NONE ? MOST_FAILURES : 1), {
      signal
    });
    signal.addEventListener('abort', () => socket.close());
  }

  private _tellMode(): void {
    const mode = this._options.mode();
    if (mode !== this._mode && mode !== 'never' && this._socket) {
      this._mode = mode;
      this._say(MODE, mode === 'always' ? 1 : 0);
    }
  }

  private _say(...bytes: number[]): void {
    if (this._socket?.readyState === 1) {
      this._socket.send(new Uint8Array(bytes));
    }
  }

  private _take(data: unknown): void {
    const message = readMessage(data);
    if (typeof message === 'boolean') {
      this._follow(message);
    } else if (message) {
      this._pictures.take(message);
    }
    this._listen();
  }

  /** Notice that nothing comes any more. One that is slow is sent nothing before it has decoded what it has. */
  private _listen(): void {
    if (this._shows) {
      this._silence.set(() => this._fail(), HUNG);
    }
  }

  /** The server says that RFB brings one pixel from now on, or everything. */
  private _follow(video: boolean): void {
    this._shows = video;
    if (video) {
      this._isStale = true; // even if no picture is ever drawn
      this._options.again(false);
    } else {
      this._rest();
      this._sharpen();
    }
  }

  private _show(picture: IPicture): void {
    this._isStale = true;
    this._repeat.clear();
    this._listen();
    this._options.show(picture);
  }

  /** It moves no more, or comes no more. */
  private _rest(): void {
    this._shows = false;
    this._silence.clear();
    this._pictures.rest();
  }

  /** Have RFB bring everything, as it is: the server has said that it does. */
  private _sharpen(): void {
    if (this._isStale) {
      this._isStale = false;
      this._repeat.clear();
      this._options.again(true);
    }
  }

  /** The same when it has not said so: once more a moment later, and again once it does; before that, it is a pixel. */
  private _sharpenSoon(): void {
    if (this._isStale) {
      this._repeat.set(() => this._options.again(true), NOTICED);
      this._options.again(true);
    }
  }

  private _begin(): void {
    this._failures = 0;
    this._backoff.reset();
  }

  private _fail(error?: unknown, counts = 1): void {
    if (error !== undefined) {
      report(error);
    }
    if (this._socket && this._options.clock.now() - this._openedAt >= STEADY) {
      this._begin();
    }
    this._drop();
    this._sharpenSoon();
    this._failures += counts;
    if (this._failures < MOST_FAILURES) {
      this._wait.set(() => this._connect(), this._backoff.next());
    }
  }

  private _drop(): void {
    this._rest();
    this._wait.clear();
    this._attempt?.abort();
    this._attempt = null;
    this._socket = null;
  }

  private readonly _wait: Timer;
  private readonly _pictures: Pictures;
  private readonly _repeat: Timer;
  private readonly _silence: Timer;
  private readonly _backoff: Backoff;
  private _ability: Ability | '' = '';
  private _session = '';
  private _live = false;
  private _attempt: AbortController | null = null;
  private _socket: WebSocket | null = null;
  private _openedAt = 0;
  private _mode: VideoMode | null = null;
  /** Whether the picture comes by video now. */
  private _shows = false;
  /** Whether RFB may have brought one pixel, or video has drawn, since the server last said that RFB brings all. */
  private _isStale = false;
  private _failures = 0;
}
