/**
 * Keeps the lists of targets and sessions up to date. No DOM.
 */
import type { Event, ServerConnection } from '@jupyterlab/services';
import { JSONExt, type ReadonlyJSONValue } from '@lumino/coreutils';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import * as api from './rest-api';
import type { IDesktop, ISession, ITarget, IVNCManager } from '../tokens';
import type { IGrant, StreamKind } from '../viewer/connection/grant';
import type { IPresence, Mode } from '../viewer/session';
import { unattended } from '../viewer/ui/report';

/** How often the server is asked, and how rarely at most while it does not answer (milliseconds). */
const FREQUENCY = { interval: 10000, backoff: true, max: 300000 };

/** What our events are called, up to their own names (`jupyter_vnc/event_schemas`). */
const EVENTS = 'https://events.jupyter.org/jupyter_vnc/';

/** Once the server has told of changes by itself, lists that it tells of are asked for this rarely (milliseconds). */
const RARELY = 60000;

/** So soon, and so often at most, targets are asked for again whose states the server does not know yet. */
const SOON = { delay: 1000, times: 3 };

/** The manager of targets and sessions. */
export class VNCManager implements IVNCManager {
  /**
   * @param _settings - how to reach the server
   * @param standby - when not to ask; by default while nobody looks at the page
   * @param events - the server's events, where it has some
   */
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    standby: Poll['standby'] = 'when-hidden',
    private readonly _events?: Event.IManager['stream']
  ) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._ask(),
      frequency: FREQUENCY,
      name: 'jupyter-vnc:manager',
      standby
    });
    _events?.connect(this._told, this);
    this.ready = this._poll
      .start()
      .then(() => this._poll.tick)
      .then(
        () => undefined,
        () => undefined
      );
  }

  /** Resolves when the server was asked for the first time, whatever came of it. */
  readonly ready: Promise<void>;

  /** URL of the service, with a slash at its end. */
  get root(): string {
    return api.rootOf(this._settings);
  }

  get targets(): readonly ITarget[] {
    return this._targets;
  }

  get sessions(): readonly ISession[] {
    return this._sessions;
  }

  /** Emitted when a target came, went or changed, its state included. */
  get targetsChanged(): ISignal<this, void> {
    return this._targetsChanged;
  }

  get sessionsChanged(): ISignal<this, void> {
    return this._sessionsChanged;
  }

  get desktops(): readonly IDesktop[] {
    return this._desktops;
  }

  get desktopsChanged(): ISignal<this, void> {
    return this._desktopsChanged;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  /** Stop asking. */
  dispose(): void {
    this._poll.dispose();
    this._events?.disconnect(this._told, this);
    Signal.clearData(this);
  }

  /** The target of that name, if the user has one. */
  find(name: string): ITarget | undefined {
    return this._targets.find(target => target.name === name);
  }

  /** Ask the server now; resolves when it has answered, or failed to. */
  async refresh(): Promise<void> {
    if (!this.isDisposed) {
      this._due = 0;
      await this._poll.refresh();
      await this._poll.tick.catch(() => undefined);
    }
  }

  /** Ask for a token that opens one websocket. */
  requestToken(target: string, mode: Mode, signal: AbortSignal, takeover = false): Promise<IGrant> {
    return api.requestToken(this._settings, target, mode, signal, takeover);
  }

  /** Ask for a token that opens the websocket of a desktop's sound or video, beside a session. */
  requestStream(
    target: string,
    session: string,
    signal: AbortSignal,
    kind: StreamKind = 'stream'
  ): Promise<IGrant> {
    return requests().then(({ requestStream }) =>
      requestStream(this._settings, target, session, signal, kind)
    );
  }

  /** Ask who has a desktop on the screen. */
  fetchViewers(target: string): Promise<IPresence[]> {
    return requests().then(({ fetchViewers }) => fetchViewers(this._settings, target));
  }

  /** Make a request of one of the service's routes. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    return api.send(this._settings, path, init);
  }

  /** Open a websocket to a path on the server. */
  openSocket(path: string, protocols: string[]): WebSocket {
    return new this._settings.WebSocket(this._known(new URL(path, this._settings.wsUrl)), protocols);
  }

  /** URL of a picture for an image of a page; the path is below `root`. */
  urlOf(path: string): string {
    return this._known(new URL(path, new URL(this.root, window.location.href)));
  }

  /** A URL for what sends no header of ours. */
  private _known(url: URL): string {
    const { appendToken, token } = this._settings;
    if (appendToken && token !== '') {
      // A server of another origin knows us by its own token alone, as for kernels and terminals.
      url.searchParams.set('token', token);
    }
    return url.href;
  }

  /** End a session. The desktop goes on. */
  async endSession(id: string): Promise<void> {
    await (await requests()).endSession(this._settings, id);
    await this.refresh();
  }

  /** Shut a desktop down that the server started; its programs end. */
  async stopDesktop(name: string): Promise<void> {
    await (await requests()).stopDesktop(this._settings, name);
    await this.refresh();
  }

  /** Restart a desktop that the server started; its programs end. */
  async restartDesktop(name: string): Promise<void> {
    try {
      await (await requests()).restartDesktop(this._settings, name);
    } finally {
      await this.refresh();
    }
  }

  /** Ask the server for something small. */
  probe(): Promise<unknown> {
    return requests().then(({ probe }) => probe(this._settings));
  }

  /** URL of the standalone page of a target. */
  pageOf(target: string): string {
    return `${this.root}view/${encodeURIComponent(target)}`;
  }

  /** Something happened on the server: several things at once are asked for once. */
  private _told(_: unknown, { schema_id }: Event.Emission): void {
    if (schema_id.startsWith(EVENTS)) {
      this._heard = true;
      this._asking ??= Promise.resolve().then(() => {
        this._asking = null;
        return this.refresh();
      });
    }
  }

  private async _ask(): Promise<void> {
    await Promise.all([this._askTargets(), Date.now() >= this._due && this._askLists()]);
  }

  /** Whether a machine elsewhere can be reached is no event: it is asked for at each round. */
  private async _askTargets(): Promise<void> {
    const targets = await api.fetchTargets(this._settings);
    if (this.isDisposed) {
      return;
    }
    if (!isSame(targets, this._targets)) {
      this._targets = targets;
      this._targetsChanged.emit();
    }
    const unknown = targets.some(({ state }) => state === 'unknown');
    this._soon = unknown ? this._soon + 1 : 0;
    if (unknown && this._soon <= SOON.times) {
      setTimeout(() => !this.isDisposed && unattended(this._poll.refresh()), SOON.delay);
    }
  }

  private async _askLists(): Promise<void> {
    const [sessions, desktops] = await Promise.all([
      api.fetchSessions(this._settings),
      api.fetchDesktops(this._settings)
    ]);
    if (this.isDisposed) {
      return;
    }
    this._due = this._heard ? Date.now() + RARELY : 0;
    if (!isSame(sessions.map(identity), this._sessions.map(identity))) {
      this._sessions = sessions;
      this._sessionsChanged.emit();
    }
    const live = desktops.filter(({ state }) => ['starting', 'up'].includes(state));
    const states = live.map(({ name, state }) => ({ name, state }));
    if (!isSame(states, this._desktops)) {
      this._desktops = states;
      this._desktopsChanged.emit();
    }
  }

  private readonly _poll: Poll;
  private _asking: Promise<void> | null = null;
  private _heard = false;
  private _due = 0;
  private _soon = 0;
  private readonly _targetsChanged = new Signal<this, void>(this);
  private readonly _sessionsChanged = new Signal<this, void>(this);
  private readonly _desktopsChanged = new Signal<this, void>(this);
  private _desktops: readonly IDesktop[] = [];
  private _targets: readonly ITarget[] = [];
  private _sessions: readonly ISession[] = [];
}

/** Nobody needs them before the first desktop is opened. */
const requests = () => import(/* webpackChunkName: "desktop" */ './requests');

function isSame(first: unknown, second: unknown): boolean {
  return JSONExt.deepEqual(first as ReadonlyJSONValue, second as ReadonlyJSONValue);
}

/** What of a session matters to a list; its byte counts change all the time. */
function identity({ id, target, mode, user, since }: ISession): ISession {
  return { id, target, mode, user, since };
}
