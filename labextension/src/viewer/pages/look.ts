/**
 * A live desktop on the wall: a viewer without toolbar that only looks. A script of its own, loaded when it is wanted.
 */
import { browserClock } from '../ui/clock';
import type { IMemory } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';
import type { IViewerSettings } from '../options';
import { loaderOf } from '../engine/novnc';
import { openSocket, requestToken } from './http';
import { Viewer } from '../viewer';

/** Which desktop to watch. */
export interface ILookOptions {
  /** The URL of the service. */
  readonly root: string;
  readonly version: string;
  readonly trans: ITranslate;
  readonly target: string;
  readonly owner: string;
  /** The owner's own server in which it runs; undefined where it is the service's. */
  readonly server: string | undefined;
  /** Told when whoever watches wants to stop. */
  readonly closed: () => void;
}

/** A live desktop; its node goes somewhere. */
export interface ILook {
  readonly node: HTMLElement;
  /** Whether anybody sees it. */
  visible: boolean;
  dispose(): void;
}

/** Small pictures, of which there are several at once. */
const SETTINGS: IViewerSettings = {
  resize: 'scale',
  quality: 4,
  compression: 6,
  clipboard: 'off',
  power: false
};

/** Nothing that is chosen here is kept, and what was chosen for a desktop of one's own does not matter here. */
const NOTHING: IMemory = {
  get: key => (key === 'preferences' ? '{"bell":false,"keepAwake":false,"pictures":false}' : null),
  set: () => undefined
};

/** Connect to a desktop, to look at it. */
export function watch({ root, version, trans, target, owner, server, closed }: ILookOptions): ILook {
  const viewer = new Viewer({
    name: target,
    title: trans.__('%1 of %2', target, owner),
    mode: 'view',
    lookingIn: true,
    settings: SETTINGS,
    trans,
    fetchToken: signal => requestToken(root, target, 'view', signal, false, owner, server),
    loadRFB: loaderOf(root, version),
    openSocket: (path, protocols) => openSocket(document.baseURI, path, protocols),
    clock: browserClock,
    random: Math.random,
    memory: NOTHING,
    login: () => window.location.reload(),
    list: closed
  });
  viewer.connect();
  return viewer;
}
