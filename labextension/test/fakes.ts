/**
 * A viewer's world, under a test's control: clock, server, websockets, noVNC.
 */
import './dom';

import type { IClock } from '../src/viewer/ui/clock';
import type { IGrant } from '../src/viewer/connection/grant';
import type { IRFB, IRFBConstructor } from '../src/viewer/engine/novnc';
import type { IViewerOptions } from '../src/viewer/options';
import { english } from '../src/viewer/ui/i18n';

/** A clock that moves when it is told to. */
export class FakeClock implements IClock {
  now(): number {
    return this._now;
  }

  setTimeout(run: () => void, delay: number): number {
    this._last += 1;
    this._timers.set(this._last, { at: this._now + delay, run });
    return this._last;
  }

  clearTimeout(timer: number): void {
    this._timers.delete(timer);
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this._timers.size;
  }

  /** Move on by so many milliseconds, running what falls due in its order. */
  async advance(milliseconds: number): Promise<void> {
    const end = this._now + milliseconds;
    for (let rounds = 0; rounds < 10000; rounds += 1) {
      const due = [...this._timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) {
        break;
      }
      this._timers.delete(due[0]);
      this._now = Math.max(this._now, due[1].at);
      due[1].run();
      await settle();
    }
    this._now = end;
  }

  /** Move the time without running anything, as a laptop's sleep does. */
  sleep(milliseconds: number): void {
    this._now += milliseconds;
  }

  private _now = 1000;
  private _last = 0;
  private readonly _timers = new Map<number, { at: number; run: () => void }>();
}

/** Let promises run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await Promise.resolve();
  }
}

/** A websocket whose other end is the test. */
export class FakeSocket extends EventTarget {
  constructor(
    readonly path: string,
    readonly protocols: string[]
  ) {
    super();
  }

  closed = false;

  close(): void {
    this.closed = true;
  }

  /** The server accepts. */
  open(): void {
    this.dispatchEvent(new Event('open'));
  }

  /** The server says something beside the picture. */
  note(note: object): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(note) }));
  }

  /** The server closes, or the network does. */
  end(code: number, reason = ''): void {
    this.closed = true;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }
}

/** noVNC without a desktop: it records what it is told. */
export class FakeRFB extends EventTarget implements IRFB {
  constructor(
    readonly target: HTMLElement,
    readonly channel: WebSocket
  ) {
    super();
    FakeRFB.last = this;
    this.canvas = document.createElement('canvas');
    target.append(this.canvas);
  }

  static last: FakeRFB;

  readonly canvas: HTMLCanvasElement;
  readonly capabilities = { power: false };
  machineShutdown = (): void => void this.keys.push([2, 'shutdown', undefined]);
  machineReboot = (): void => undefined;
  machineReset = (): void => undefined;
  viewOnly = false;
  focusOnClick = true;
  clipViewport = false;
  dragViewport = false;
  scaleViewport = false;
  showDotCursor = false;
  background = '';
  qualityLevel = 6;
  compressionLevel = 2;
  disconnected = false;
  keys: [number, string, boolean | undefined][] = [];
  pasted: string[] = [];
  /** Sizes that the desktop was asked to take. */
  requests: [number, number][] = [];

  get resizeSession(): boolean {
    return this._resizeSession;
  }
  set resizeSession(resize: boolean) {
    this._resizeSession = resize;
    if (resize) {
      this.requests.push([this.target.clientWidth, this.target.clientHeight]);
    }
  }

  disconnect(): void {
    this.disconnected = true;
    this.canvas.remove();
  }

  focus(): void {
    this.canvas.focus();
  }

  blur(): void {
    this.canvas.blur();
  }

  sendKey(keysym: number, code: string, down?: boolean): void {
    this.keys.push([keysym, code, down]);
  }

  clipboardPasteFrom(text: string): void {
    this.pasted.push(text);
  }

  toBlob(callback: (blob: Blob | null) => void): void {
    callback(new Blob(['png']));
  }

  /** Emit one of noVNC's events. */
  say(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  private _resizeSession = false;
}

/** All of it together; `options` goes to a `Viewer` or a `Connection`. */
export class World {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  /** No test but its own shares the clipboard of the process. */
  readonly kept = new Map<string, string>([['preferences', '{"seamless":false}']]);
  readonly visits: string[] = [];
  /** How many tokens were asked for. */
  asked = 0;
  /** What the server answers to the next requests; after that it grants. */
  answers: (Error | Partial<IGrant>)[] = [];
  /** What loading noVNC fails with, so many times. */
  loadFailures = 0;
  readonly screen = document.createElement('div');

  /** The socket of the last attempt. */
  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  /** noVNC of the last attempt. */
  get rfb(): FakeRFB {
    return FakeRFB.last;
  }

  readonly options: IViewerOptions = {
    name: 'lab-1',
    title: 'Lab machine 1',
    mode: 'control',
    settings: { resize: 'remote', quality: 5, compression: 3, clipboard: 'both', power: true },
    trans: english,
    fetchToken: async () => this._grant(),
    loadRFB: async () => {
      if (this.loadFailures > 0) {
        this.loadFailures -= 1;
        throw new TypeError('Failed to fetch dynamically imported module');
      }
      return FakeRFB as unknown as IRFBConstructor;
    },
    openSocket: (path, protocols) => {
      this.sockets.push(new FakeSocket(path, protocols));
      return this.socket as unknown as WebSocket;
    },
    clock: this.clock,
    random: () => 1,
    memory: { get: key => this.kept.get(key) ?? null, set: (key, value) => void this.kept.set(key, value) },
    login: () => void this.visits.push('login'),
    list: () => void this.visits.push('list')
  };

  /** The server and the desktop answer. */
  async succeed(): Promise<void> {
    await this.upgrade();
    await this.greet();
  }

  /** The websocket opens, and the desktop has not said anything yet. */
  async upgrade(): Promise<void> {
    await settle();
    this.socket.open();
    await settle();
  }

  /** The desktop answers. */
  async greet(): Promise<void> {
    this.rfb.say('connect', {});
    await settle();
  }

  /** The connection ends. */
  async end(code: number, reason = ''): Promise<void> {
    this.socket.end(code, reason);
    await settle();
  }

  private _grant(): IGrant {
    this.asked += 1;
    const answer = this.answers.shift() ?? {};
    if (answer instanceof Error) {
      throw answer;
    }
    return {
      token: `token-${this.asked}`,
      expires_in: 30,
      websocket: '/user/a%40b/vnc/ws',
      target: 'lab-1',
      mode: 'control',
      ...answer
    };
  }
}
