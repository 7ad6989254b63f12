/**
 * Finds out that a connection is dead though nobody said so: a cable was pulled, a laptop has slept, a router forgot.
 *
 * A browser tells a page nothing of a websocket's pings. So when nothing has come for a while, the desktop is asked for
 * one pixel, which it must send, and the server for something small. A desktop that is slow is not taken for dead as
 * long as the server answers.
 */
import { type IClock, Timer } from '../ui/clock';
import { Emitter } from '../ui/emitter';
import { askForPixel } from './updates';

/** How long it may be quiet before somebody is asked, and how long an answer may take (milliseconds). */
export const QUIET = 10000;

/** How long the desktop may say nothing at all while the server answers (milliseconds). */
export const SILENCE = 60000;

/** How long there may be more and more bytes of which noVNC takes none, and after an error of its (milliseconds). */
export const STUCK = 120000;
export const SUSPECT = 15000;

/** So many requests in a row without an answer, and the network is gone. */
const UNANSWERED = 2;

/** The pulse of one viewer's connection. */
export class Pulse {
  /**
   * @param _clock - what a second is
   * @param _probe - ask the server for something small; absent where nobody can
   */
  constructor(
    private readonly _clock: IClock,
    private readonly _probe?: () => Promise<unknown>
  ) {
    this._timer = new Timer(_clock);
  }

  /** Emits when the connection is dead. */
  readonly stopped = new Emitter<void>();

  /** Feel a websocket from now on. */
  watch(socket: WebSocket): WebSocket {
    this._socket = socket;
    this._heard = this._clock.now();
    this._moved = 0;
    this._patience = STUCK;
    socket.addEventListener('message', () => {
      this._heard = this._clock.now();
    });
    return socket;
  }

  /** noVNC has taken something of what came. Bytes alone are no sign of life. */
  move(): void {
    this._moved = this._clock.now();
    this._patience = STUCK;
  }

  /** There was an error somewhere in noVNC: it may be the end of this one. */
  suspect(): void {
    this._patience = SUSPECT;
  }

  /** Whether to feel it: while the desktop is there, and somebody looks. */
  set wanted(wanted: boolean) {
    if (wanted !== this._wanted) {
      this._wanted = wanted;
      this._timer.clear();
      if (wanted) {
        this._moved &&= this._clock.now();
        this._rest();
      }
    }
  }

  /** Leave nothing behind. */
  dispose(): void {
    this.wanted = false;
    this.stopped.clear();
  }

  /** Wait until it has been quiet for long enough. */
  private _rest(): void {
    this._unanswered = 0;
    if (this._isStuck) {
      this.stopped.emit();
      return;
    }
    const left = this._heard + QUIET - this._clock.now();
    if (left > 0) {
      this._timer.set(() => this._rest(), left);
    } else {
      this._ask(this._clock.now());
    }
  }

  private get _isStuck(): boolean {
    return this._moved > 0 && this._heard > this._moved && this._clock.now() - this._moved >= this._patience;
  }

  private _ask(since: number): void {
    if (this._socket) {
      askForPixel(this._socket);
    }
    this._unanswered += this._probe ? 1 : 0;
    this._probe?.().then(
      () => (this._unanswered = 0),
      () => undefined
    );
    this._timer.set(() => this._judge(since), QUIET);
  }

  private _judge(since: number): void {
    if (this._heard >= since) {
      this._rest();
    } else if (this._unanswered >= UNANSWERED || this._clock.now() - since >= SILENCE) {
      this.stopped.emit();
    } else {
      this._ask(since);
    }
  }

  private readonly _timer: Timer;
  private _socket: WebSocket | null = null;
  private _heard = 0;
  private _moved = 0;
  private _patience = STUCK;
  private _unanswered = 0;
  private _wanted = false;
}
