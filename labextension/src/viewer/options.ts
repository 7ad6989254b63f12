/**
 * What a host gives to a viewer.
 */
import type { ClipboardPolicy } from './panels/clipboard';
import type { IClock } from './ui/clock';
import type { IMemory } from './ui/dom';
import type { IGrant } from './connection/grant';
import type { IRFBConstructor } from './engine/novnc';
import type { IPreferenceStore } from './preferences';
import type { AskShares } from './panels/share';
import type { IPresence, Mode } from './session';
import type { FetchStream } from './sound/sound';
import type { IManaged } from './connection/startup';
import type { ITranslate } from './ui/i18n';

/** What the server says about the look of a target. */
export interface IViewerSettings {
  readonly resize: 'remote' | 'scale' | 'off';
  /** 0 (least) to 9 (best picture). */
  readonly quality: number;
  /** 0 (none) to 9 (most). */
  readonly compression: number;
  readonly clipboard: ClipboardPolicy;
  /** Whether the machine may be shut down from here, where its server can. */
  readonly power: boolean;
}

/** A viewer's world. Nothing in it is global, so that a test can put fakes in its place. */
export interface IViewerOptions {
  /** Name of the target; a key for what the reader chose, too. */
  readonly name: string;
  readonly title: string;
  /** The best mode that the reader may have; the grant decides. */
  readonly mode: Mode;
  /** Whether the desktop is somebody else's, and the reader is their instructor. */
  readonly lookingIn?: boolean;
  readonly settings: IViewerSettings;
  readonly trans: ITranslate;
  /** Ask the server for a fresh token; called before every attempt. `takeover`: the reader takes over. */
  readonly fetchToken: (signal: AbortSignal, takeover: boolean) => Promise<IGrant>;
  /** Ask the server for a token of the desktop's sound; absent where it has none. */
  readonly fetchStream?: FetchStream;
  /** Ask the server for a token of the desktop's video; absent where it has none. */
  readonly fetchVideo?: FetchStream;
  /** Ask the server who has the desktop on the screen; nobody is named where it is absent. */
  readonly fetchViewers?: () => Promise<readonly IPresence[]>;
  /** The desktop, should the server be the one that starts it. */
  readonly desktop?: IManaged;
  /** Whether the reader may have the server restart it. */
  readonly mayRestart?: boolean;
  /** Get noVNC. */
  readonly loadRFB: () => Promise<IRFBConstructor>;
  /** Open a websocket to a path on the server. */
  readonly openSocket: (path: string, protocols: string[]) => WebSocket;
  readonly clock: IClock;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  readonly memory: IMemory;
  /** The same until the tab of the browser is closed; the memory does where it is absent. */
  readonly tabMemory?: IMemory;
  /** Keeps what the reader chose for every desktop; the memory does where it is absent. */
  readonly store?: IPreferenceStore;
  /** Ask the server for something small, to measure how long it takes. */
  readonly probe?: () => Promise<unknown>;
  /** Path of the service: pictures of its desktops are kept apart from those of others. */
  readonly place?: string;
  /** Keep a screenshot elsewhere than among the downloads; absent where there is nowhere else. */
  readonly keepFile?: (data: Blob, name: string) => Promise<void>;
  /** What fills the screen in full screen; the viewer itself when absent. */
  readonly fullscreenElement?: HTMLElement;
  /** Lead the reader to the login. */
  readonly login: () => void;
  /** Lead the reader to the other desktops. */
  readonly list: () => void;
  /** Take the focus when the reader leaves the desktop by the chord. */
  readonly leave?: () => void;
  /** Share the reader's server with guests; absent where there are none, or where it is somebody else's. */
  readonly share?: AskShares;
  /** Give back the machine that the reader has; absent where the target is one machine. */
  readonly giveBack?: () => void;
  /** Tell the server that the reader wants to keep their machine; absent where there is none. */
  readonly stay?: () => void;
  /** Open the same desktop in a browser tab; absent where it is in one. */
  readonly openInBrowser?: () => void;
}
