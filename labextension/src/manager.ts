/**
 * Keeps the lists of targets and sessions up to date. No DOM.
 */
import type { ServerConnection } from '@jupyterlab/services';
import { JSONExt, type ReadonlyJSONValue } from '@lumino/coreutils';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import * as api from './api';
import type { IDesktop, ISession, ITarget, IVNCManager } from './tokens';
import type { IPresence } from './viewer/company';
import type { IGrant } from './viewer/grant';

/** How often the server is asked, and how rarely at most while it does not answer (milliseconds). */
const FREQUENCY = { interval: 10000, backoff: true, max: 300000 };

/** The manager of targets and sessions. */
export class VNCManager implements IVNCManager {
  /**
   * @param _settings - how to reach the server
   * @param standby - when not to ask; by default while nobody looks at the page
   */
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    standby: Poll['standby'] = 'when-hidden'
  ) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._ask(),
      frequency: FREQUENCY,
      name: 'jupyter-vnc:manager',
      standby
    });
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
    Signal.clearData(this);
  }

  /** The target of that name, if the user has one. */
  find(name: string): ITarget | undefined {
    return this._targets.find(target => target.name === name);
  }

  /** Ask the server now; resolves when it has answered, or failed to. */
  async refresh(): Promise<void> {
    if (!this.isDisposed) {
      await this._poll.refresh();
      await this._poll.tick.catch(() => undefined);
    }
  }

  /** Ask for a token that opens one websocket. */
  requestToken(
    target: string,
    mode: 'control' | 'view',
    signal: AbortSignal,
    takeover = false
  ): Promise<IGrant> {
    return api.requestToken(this._settings, target, mode, signal, takeover);
  }

  /** Ask who has a desktop on the screen. */
  fetchViewers(target: string): Promise<IPresence[]> {
    return api.fetchViewers(this._settings, target);
  }

  /** Make a request of one of the service's routes. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    return api.send(this._settings, path, init);
  }

  /** Open a websocket to a path on the server. */
  openSocket(path: string, protocols: string[]): WebSocket {
    const { wsUrl, appendToken, token, WebSocket } = this._settings;
    const url = new URL(path, wsUrl);
    if (appendToken && token !== '') {
      // A server of another origin knows us by its own token alone, as for kernels and terminals.
      url.searchParams.set('token', token);
    }
    return new WebSocket(url.href, protocols);
  }

  /** End a session. The desktop goes on. */
  async endSession(id: string): Promise<void> {
    await api.endSession(this._settings, id);
    await this.refresh();
  }

  /** Shut a desktop down that the server started; its programs end. */
  async stopDesktop(name: string): Promise<void> {
    await api.stopDesktop(this._settings, name);
    await this.refresh();
  }

  /** Ask the server for something small. */
  probe(): Promise<unknown> {
    return api.probe(this._settings);
  }

  /** URL of the standalone page of a target. */
  pageOf(target: string): string {
    return `${this.root}view/${encodeURIComponent(target)}`;
  }

  private async _ask(): Promise<void> {
    const [targets, sessions, desktops] = await Promise.all([
      api.fetchTargets(this._settings),
      api.fetchSessions(this._settings),
      api.fetchDesktops(this._settings)
    ]);
    if (this.isDisposed) {
      return;
    }
    if (!isSame(targets, this._targets)) {
      this._targets = targets;
      this._targetsChanged.emit();
    }
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
  private readonly _targetsChanged = new Signal<this, void>(this);
  private readonly _sessionsChanged = new Signal<this, void>(this);
  private readonly _desktopsChanged = new Signal<this, void>(this);
  private _desktops: readonly IDesktop[] = [];
  private _targets: readonly ITarget[] = [];
  private _sessions: readonly ISession[] = [];
}

function isSame(first: unknown, second: unknown): boolean {
  return JSONExt.deepEqual(first as ReadonlyJSONValue, second as ReadonlyJSONValue);
}

/** What of a session matters to a list; its byte counts change all the time. */
function identity({ id, target, mode, user, since }: ISession): ISession {
  return { id, target, mode, user, since };
}
