/**
 * The sound of a desktop: a websocket of its own while the reader wants it and the desktop is there.
 */
import { Backoff } from '../connection/backoff';
import type { IGrant } from '../connection/grant';
import { type IClock, Timer } from '../ui/clock';
import { Emitter } from '../ui/emitter';
import type { ITranslate } from '../ui/i18n';
import { report, unattended } from '../ui/report';
import { canPlay, type IPlayer, Player } from './player';

/** Kinds of messages (`jupyter_vnc/desktops/sound/messages.py`). */
const SOUND = 2;
const STATE = 3;
const SWITCH_SOUND = 18;

/** Bytes before the Opus packet: the kind, and the time. */
const HEADER = 5;

/** The close code of a desktop that has no sound, or none any more: another attempt would bring nothing. */
const NONE = 4505;

/** So many attempts in a row that bring nothing switch it off. */
const MOST_FAILURES = 4;

/** Asks for a token of a desktop's sound, beside a session. */
export type FetchStream = (session: string, signal: AbortSignal) => Promise<IGrant>;

/** What it needs. */
export interface ISoundOptions {
  /** Ask for a token; absent where the desktop has no sound. */
  readonly fetchStream?: FetchStream;
  readonly openSocket: (path: string, protocols: string[]) => WebSocket;
  readonly clock: IClock;
  readonly random: () => number;
  readonly trans: ITranslate;
  /** Tell the reader something in passing. */
  readonly tell: (sentence: string) => void;
  /** How loud the reader wants it, from 0 to 1. */
  readonly volume: () => number;
  /** What plays; the browser's by default. */
  readonly makePlayer?: () => IPlayer;
  /** Whether the browser can; asked by default. */
  readonly canPlay?: () => boolean;
}

/** The sound of one viewer. Off until the reader switches it on: browsers play nothing before a click. */
export class Sound {
  constructor(private readonly _options: ISoundOptions) {
    this._wait = new Timer(_options.clock);
    this._backoff = new Backoff(_options.random);
  }

  /** Emits after each change of `on`. */
  readonly changed = new Emitter<void>();

  /** The id of the session that shows the desktop; sound ends with it. */
  session = '';

  /** Whether the desktop can be heard at all. */
  get offered(): boolean {
    return this._options.fetchStream !== undefined;
  }

  /** Whether this browser can play it, on this page. */
  get able(): boolean {
    return (this._options.canPlay ?? canPlay)();
  }

  /** Whether the reader wants to hear it. */
  get on(): boolean {
    return this._player !== null;
  }

  /** Switch it on, which only a click or a key may do, or off. */
  toggle(): void {
    if (this.on) {
      this._off();
    } else if (this.offered && this.able) {
      this._player = (this._options.makePlayer ?? ((): IPlayer => new Player()))();
      this.apply();
      this._begin();
      this._connect();
    }
    this.changed.emit();
  }

  /** Play as loud as the reader wants it now. */
  apply(): void {
    if (this._player) {
      this._player.volume = this._options.volume();
    }
  }

  /** Whether the desktop is there; sound that is on comes back with it. */
  set live(live: boolean) {
    if (live !== this._live) {
      this._live = live;
      this._begin();
      this._drop();
      this._connect();
    }
  }

  /** Leave no connection, no timer and no audio device. */
  dispose(): void {
    this._live = false;
    this.changed.clear();
    this._off();
  }

  private _off(): void {
    this._drop();
    this._player?.close();
    this._player = null;
  }

  private _connect(): void {
    if (this.on && this._live) {
      unattended(this._open());
    }
  }

  private async _open(): Promise<void> {
    const { signal } = (this._attempt = new AbortController());
    try {
      const grant = await this._options.fetchStream!(this.session, signal);
      if (!signal.aborted) {
        this._listen(
          this._options.openSocket(grant.websocket, ['binary', `vnc.token.${grant.token}`]),
          signal
        );
      }
    } catch (error) {
      if (!signal.aborted) {
        report(error);
        this._failed();
      }
    }
  }

  private _listen(socket: WebSocket, signal: AbortSignal): void {
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => socket.send(new Uint8Array([SWITCH_SOUND, 1])), { signal });
    socket.addEventListener('message', event => this._take(event.data), { signal });
    socket.addEventListener('close', ({ code }) => (code === NONE ? this._giveUp() : this._failed()), {
      signal
    });
    signal.addEventListener('abort', () => socket.close());
  }

  private _take(data: unknown): void {
    if (!(data instanceof ArrayBuffer) || data.byteLength < 2) {
      return;
    }
    const view = new DataView(data);
    if (view.getUint8(0) === SOUND && data.byteLength > HEADER) {
      this._begin();
      this._player?.play(view.getUint32(1), new Uint8Array(data, HEADER));
    } else if (view.getUint8(0) === STATE) {
      this._learn(view.getUint8(1) === 1);
    }
  }

  /** The server says whether the desktop is heard; a silent one is, and sends nothing. */
  private _learn(heard: boolean): void {
    if (heard) {
      this._begin();
    } else if (this._heard) {
      this._tellOfNone();
    }
    this._heard = heard;
  }

  /** Count failures anew: something has changed for the better. */
  private _begin(): void {
    this._failures = 0;
    this._backoff.reset();
  }

  private _tellOfNone(): void {
    this._options.tell(this._options.trans.__('The desktop has no sound at present.'));
  }

  /** Try again in a moment; after too many times it is off, and the reader is told. */
  private _failed(): void {
    this._drop();
    this._failures += 1;
    if (this._failures < MOST_FAILURES) {
      this._wait.set(() => this._connect(), this._backoff.next());
    } else {
      this._giveUp();
    }
  }

  private _giveUp(): void {
    this._off();
    this._tellOfNone();
    this.changed.emit();
  }

  private _drop(): void {
    this._wait.clear();
    this._attempt?.abort();
    this._attempt = null;
  }

  private readonly _wait: Timer;
  private readonly _backoff: Backoff;
  private _player: IPlayer | null = null;
  private _attempt: AbortController | null = null;
  private _live = false;
  /** What the server said last; a reader is told once that there is no sound. */
  private _heard = true;
  private _failures = 0;
}
