/**
 * One attempt to connect: a token, a websocket, noVNC on top of it. It ends exactly once.
 */
import { type IClock, Timer } from '../ui/clock';
import { type Engine, engineOf } from '../engine/engine';
import { type IGrant, noAnswer } from './grant';
import { Excess, TooLarge } from '../engine/limits';
import { NOTES, type Note, takeNotes } from './notices';
import { type IRFB, type IRFBConstructor, onRFB } from '../engine/novnc';
import { report } from '../ui/report';

/** How long the server may take to give a token, and the websocket to open (milliseconds). */
export const OPEN_TIMEOUT = 20000;

/** How long a desktop may take to start and answer; the server has shorter limits of its own. */
export const START_TIMEOUT = 180000;

/** What a websocket is asked for: it carries the token where no log has it. */
export function protocolsFor(grant: IGrant): string[] {
  return ['binary', `vnc.token.${grant.token}`, NOTES];
}

/** What an attempt needs from the world. */
export interface IAttemptOptions {
  /** Ask the server for a fresh token. */
  readonly fetchToken: (signal: AbortSignal) => Promise<IGrant>;
  /** Get noVNC. */
  readonly loadRFB: () => Promise<IRFBConstructor>;
  /** Open a websocket to a path on the server. */
  readonly openSocket: (path: string, protocols: string[]) => WebSocket;
  /** Where noVNC draws. */
  readonly screen: HTMLElement;
  readonly clock: IClock;
}

/** Why an attempt ended. */
export type End =
  | { readonly kind: 'token'; readonly status: number; readonly message: string; readonly retryAfter: number }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string; readonly opened: boolean }
  | { readonly kind: 'large'; readonly width: number; readonly height: number }
  | { readonly kind: 'unloaded' | 'garbled' | 'secret' | 'excess' | 'broken' };

/** What an attempt reports, in this order. */
export interface IAttemptEvents {
  /** A token came; the websocket is being opened. */
  granted(grant: IGrant): void;
  /** The websocket is open, and the server is dialling; noVNC exists from here on. */
  opened(rfb: IRFB): void;
  /** The desktop is there. */
  connected(rfb: IRFB): void;
  /** The server says something beside the picture. */
  noted(note: Note): void;
  /** Nothing more will come. */
  ended(end: End): void;
}

/** One attempt; start it once. */
export class Attempt {
  constructor(
    private readonly _options: IAttemptOptions,
    private readonly _events: IAttemptEvents
  ) {
    this._deadline = new Timer(_options.clock);
  }

  /** Begin. Everything that happens is reported as an event; this never throws. */
  async start(): Promise<void> {
    this._deadline.set(
      () => this._end({ kind: 'token', status: 0, message: '', retryAfter: 0 }),
      OPEN_TIMEOUT
    );
    // Three waits side by side: for the token and then the websocket, and for noVNC.
    const loading = this._options.loadRFB().catch(() => this._end({ kind: 'unloaded' }));
    const grant = await this._options.fetchToken(this._abort.signal).catch(error => this._refused(error));
    if (!this._over && grant) {
      const socket = this._open(grant);
      const RFB = await loading;
      if (!this._over && socket && RFB) {
        this._draw(RFB, socket);
      }
    }
  }

  /** Give up, quietly: no event follows. */
  cancel(): void {
    this._over = true;
    this._release();
  }

  /** The connection is dead, though the browser does not know yet. */
  lose(): void {
    this._close(1006, '');
  }

  private _refused(error: unknown): void {
    const { status, message, retryAfter } = noAnswer(error);
    this._end({ kind: 'token', status, message, retryAfter });
  }

  private _open(grant: IGrant): WebSocket | null {
    this._events.granted(grant);
    this._deadline.set(() => this._close(1006, ''), OPEN_TIMEOUT);
    try {
      const socket = this._options.openSocket(grant.websocket, protocolsFor(grant));
      this._socket = socket;
      socket.binaryType = 'arraybuffer';
      takeNotes(socket, note => this._noted(note));
      socket.addEventListener('message', this._hold);
      socket.addEventListener('open', () => this._opened());
      // Before noVNC adds its own listeners: the close code must reach us first.
      socket.addEventListener('close', event => this._close(event.code, event.reason));
      return socket;
    } catch (error) {
      report(error);
      this._end({ kind: 'garbled' });
      return null;
    }
  }

  /** Let noVNC draw what comes over a websocket, from its first byte. */
  private _draw(RFB: IRFBConstructor, socket: WebSocket): void {
    socket.removeEventListener('message', this._hold);
    try {
      const rfb = new RFB(this._options.screen, socket, { shared: true });
      this._rfb = rfb;
      this._engine = engineOf(rfb, socket, this._options.clock, error => this._fail(error));
      this._listen(rfb);
      if (this._isOpen) {
        this._events.opened(rfb);
      }
    } catch (error) {
      report(error);
      this._end({ kind: 'garbled' });
    }
    for (const event of this._held.splice(0)) {
      socket.onmessage?.(event);
    }
  }

  private _opened(): void {
    if (!this._over) {
      this._isOpen = true;
      this._deadline.set(() => this._close(4408, ''), START_TIMEOUT);
      if (this._rfb) {
        this._events.opened(this._rfb);
      }
    }
  }

  private _noted(note: Note): void {
    if (this._over) {
      return;
    }
    if (note.kind === 'place') {
      // The server keeps the queue and answers: waiting may take as long as it takes.
      this._deadline.set(() => this._close(4408, ''), START_TIMEOUT);
    }
    this._events.noted(note);
  }

  private _listen(rfb: IRFB): void {
    onRFB(rfb, 'connect', () => {
      if (!this._over) {
        this._deadline.clear();
        this._events.connected(rfb);
      }
    });
    onRFB(rfb, 'credentialsrequired', () => this._end({ kind: 'secret' }));
    onRFB(rfb, 'securityfailure', () => this._end({ kind: 'secret' }));
    // The websocket's own close comes first; what arrives here alone is noVNC giving up.
    onRFB(rfb, 'disconnect', () => {
      this._rfb = null;
      this._end({ kind: 'garbled' });
    });
  }

  private _close(code: number, reason: string): void {
    this._end({ kind: 'close', code, reason, opened: this._isOpen });
  }

  /** noVNC can do no more. */
  private _fail(error: unknown): void {
    report(error);
    if (error instanceof TooLarge) {
      this._end({ kind: 'large', width: error.width, height: error.height });
    } else {
      this._end({ kind: error instanceof Excess ? 'excess' : 'broken' });
    }
  }

  private _end(end: End): void {
    if (!this._over) {
      this._over = true;
      this._events.ended(end);
      this._release();
    }
  }

  private _release(): void {
    this._deadline.clear();
    this._abort.abort();
    this._engine?.dispose();
    try {
      this._rfb?.disconnect();
    } catch (error) {
      report(error);
    }
    this._socket?.close();
    this._rfb = null;
    this._socket = null;
  }

  /** Keep what a desktop says before noVNC is there to hear it: its greeting, no more. */
  private readonly _hold = (event: MessageEvent): void => {
    this._held.push(event);
  };

  private readonly _held: MessageEvent[] = [];
  private readonly _deadline: Timer;
  private readonly _abort = new AbortController();
  private _rfb: IRFB | null = null;
  private _engine: Engine | null = null;
  private _socket: WebSocket | null = null;
  private _isOpen = false;
  private _over = false;
}
