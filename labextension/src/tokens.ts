/**
 * What other extensions can ask for. Apart from the implementation, so that it can be loaded on first use.
 */
import type { IWidgetTracker, MainAreaWidget } from '@jupyterlab/apputils';
import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import type { IGrant } from './viewer/connection/grant';
import type { IPresence, ISession, Mode } from './viewer/session';
import type { IViewerSettings } from './viewer/options';
import type { IPool } from './viewer/pool';
import type { TargetState } from './viewer/target-state';
import type { StreamKind } from './viewer/connection/grant';
import type { Viewer } from './viewer/viewer';

export type { ISession };

/** Something that the user may look at, as `GET api/targets` describes it. */
export interface ITarget {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Name of one of JupyterLab's icons, or the path of an image below the service's URL, or empty. */
  readonly icon: string;
  /** Where it stands in the launcher. */
  readonly category: string;
  /** The best mode that the user may have. */
  readonly mode: Mode;
  readonly state: TargetState;
  /** Whether the server starts and stops it. */
  readonly managed: boolean;
  /** Whether it can be heard. */
  readonly sound: boolean;
  /** Whether what moves on it can be seen as video. */
  readonly video: boolean;
  /** Whether the user has guests here: in their own server of a hub. */
  readonly share: boolean;
  readonly viewer: IViewerSettings;
  /** How the user stands, where the target is many machines of which each user gets one. */
  readonly pool?: IPool | null;
}

/** A desktop that the server started, as `GET api/desktops` describes it. */
export interface IDesktop {
  readonly name: string;
  readonly state: string;
}

/** Knows the targets and sessions of the user, and keeps them up to date. */
export interface IVNCManager extends IDisposable {
  /** URL of the service, with a slash at its end. */
  readonly root: string;
  /** Resolves when the server was asked for the first time, whatever came of it. */
  readonly ready: Promise<void>;
  readonly targets: readonly ITarget[];
  /** Emitted when a target came, went or changed, its state included. */
  readonly targetsChanged: ISignal<IVNCManager, void>;
  readonly sessions: readonly ISession[];
  readonly sessionsChanged: ISignal<IVNCManager, void>;
  /** The desktops that the server started for the user. */
  readonly desktops: readonly IDesktop[];
  readonly desktopsChanged: ISignal<IVNCManager, void>;
  /** URL of a picture for an image of a page; the path is below `root`. */
  urlOf(path: string): string;
  /** Make a request of one of the service's routes; the path is below `root`. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The target of that name, if the user has one. */
  find(name: string): ITarget | undefined;
  /** Ask the server now. */
  refresh(): Promise<void>;
  /** Ask for a token that opens one websocket. */
  requestToken(target: string, mode: Mode, signal: AbortSignal, takeover?: boolean): Promise<IGrant>;
  /** Ask for a token that opens the websocket of a desktop's sound or video, beside the session of this id. */
  requestStream(target: string, session: string, signal: AbortSignal, kind?: StreamKind): Promise<IGrant>;
  /** Ask who has a desktop on the screen. */
  fetchViewers(target: string): Promise<readonly IPresence[]>;
  /** Open a websocket to a path on the server. */
  openSocket(path: string, protocols: string[]): WebSocket;
  /** End a session. The desktop goes on. */
  endSession(id: string): Promise<void>;
  /** Shut a desktop down that the server started; its programs end. */
  stopDesktop(name: string): Promise<void>;
  /** Restart a desktop that the server started; its programs end. */
  restartDesktop(name: string): Promise<void>;
  /** Ask the server for something small. */
  probe(): Promise<unknown>;
  /** URL of the standalone page of a target. */
  pageOf(target: string): string;
}

/** The manager of targets and sessions. */
export const IVNCManager = new Token<IVNCManager>(
  'jupyter-vnc:IVNCManager',
  'Knows the remote desktops of the user and the live sessions on them.'
);

/** A desktop as a widget. */
export interface IVNCWidget extends Widget {
  /** Name of the target. */
  readonly target: string;
  /** The viewer, once it is loaded. */
  readonly viewer: Viewer | null;
  /** Emitted when the viewer is loaded, and whenever something that is shown of it changes. */
  readonly changed: ISignal<IVNCWidget, void>;
  /** Emitted when the connection was measured, and when that ends. */
  readonly measured: ISignal<IVNCWidget, void>;
}

/** A desktop in a tab. */
export type Tab = MainAreaWidget<IVNCWidget>;

/** Keeps track of the desktops in tabs. */
export type IVNCTracker = IWidgetTracker<Tab>;

/** The tracker of desktops in tabs. */
export const IVNCTracker = new Token<IVNCTracker>(
  'jupyter-vnc:IVNCTracker',
  'Keeps track of the remote desktops that are open in tabs.'
);
