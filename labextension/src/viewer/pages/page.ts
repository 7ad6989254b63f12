/**
 * The standalone page: one desktop in a browser tab of its own, without JupyterLab.
 *
 * The server writes what the page needs to know into data attributes of the body; there is nothing secret
 * among it, and nothing is read from the URL.
 */
import { Alone } from './alone';
import { browserClock } from '../ui/clock';
import { button, element, localMemory, tabMemory } from '../ui/dom';
import { askBeforeLeaving } from '../input/confirm-close';
import { Early } from '../connection/prefetch';
import { loaderOf } from '../engine/novnc';
import type { IViewerSettings } from '../options';
import { giveBack, KEEP, stay } from '../pool';
import type { ITranslate } from '../ui/i18n';
import type { Mode } from '../session';
import { managed } from '../connection/startup';
import { PageToolbar } from '../toolbar/toolbar';
import { Viewer } from '../viewer';
import {
  fetchAPI,
  fetchViewers,
  openSocket,
  requestStream,
  requestToken,
  translatePage,
  translation
} from './http';
import { unattended } from '../ui/report';

/** So long the toolbar waits for the first picture (milliseconds). */
const TOOLBAR_AFTER = 150;

/** From the connection to a picture that is painted, mostly less (milliseconds). */
const PAINTED_AFTER = 60;

/** Build the page around what the server wrote into `body`. */
export async function start(body: HTMLElement, saying: Promise<ITranslate>): Promise<Viewer> {
  const data = body.dataset;
  const root = data.root ?? './';
  const name = data.target ?? '';
  const owner = data.owner ?? '';
  const { server } = data;
  // Whoever looks in on somebody else only watches, until they say that they want to help.
  let mode: Mode = data.mode === 'view' || owner ? 'view' : 'control';
  const main = body.querySelector('main') ?? body;
  const early = new Early({
    fetchToken: (signal, takeover) => requestToken(root, name, mode, signal, takeover, owner, server),
    openSocket: (path, protocols) => openSocket(document.baseURI, path, protocols)
  });
  const loadRFB = loaderOf(root, data.version ?? '');
  // It asks the browser what it can decode before it is ready: it does so while the token is on its way.
  loadRFB().catch(() => undefined);
  const trans = await saying;
  await early.settled();
  early.open();
  const title = owner ? trans.__('%1 of %2', data.title || name, owner) : data.title || name;
  const remove = (): Promise<Response> =>
    fetchAPI(`${root}api/leases/${encodeURIComponent(name)}`, { method: 'DELETE' });
  document.title = trans.__('%1 · Remote desktop', title);
  translatePage(body, trans);
  const viewer: Viewer = new Viewer({
    name,
    mode,
    lookingIn: owner !== '',
    title,
    settings: JSON.parse(data.viewer ?? '{}') as IViewerSettings,
    trans,
    fetchToken: early.fetchToken,
    fetchStream:
      data.sound === undefined
        ? undefined
        : (session, signal) => requestStream(root, name, session, signal, owner),
    fetchVideo:
      data.video === undefined
        ? undefined
        : (session, signal) => requestStream(root, name, session, signal, owner, 'video'),
    // The server's own list has those who look through the same service; its notes bring it.
    fetchViewers: server === undefined ? () => fetchViewers(root, name, owner) : undefined,
    desktop: managed(root, name, (path, init) => fetchAPI(root + path, init)),
    mayRestart: data.managed !== undefined && mode === 'control',
    loadRFB,
    openSocket: early.openSocket,
    clock: browserClock,
    random: Math.random,
    memory: localMemory,
    tabMemory,
    place: owner ? undefined : root,
    probe: () => fetchAPI(`${root}static/viewer/desktop.svg`),
    fullscreenElement: main,
    // The server sends whoever is not logged in to the login, and back here.
    login: () => window.location.reload(),
    list: () => leave(owner ? `${root}room` : root, data.framed !== undefined),
    share: data.share === undefined ? undefined : (path, init) => fetchAPI(`${root}api/shares${path}`, init),
    giveBack: data.pool === undefined ? undefined : () => unattended(giveBack(trans, remove)),
    stay: () =>
      unattended(stay(trans, () => fetchAPI(`${root}api/leases/${encodeURIComponent(name)}`, KEEP))),
    leave: () => toolbar?.focus()
  });
  const lead = [...body.querySelectorAll('[data-lead]')];
  if (owner && data.mode === 'control') {
    const say = (): string => (mode === 'view' ? trans.__('Take control') : trans.__('Give up control'));
    const help = button({ className: 'jp-VNC-button jp-VNC-role', text: say() });
    const alone = new Alone(trans, text => viewer.extras.send(text));
    help.addEventListener('click', () => {
      mode = mode === 'view' ? 'control' : 'view';
      help.textContent = say();
      viewer.connect();
    });
    // A new connection begins without it.
    viewer.changed.on(() => alone.follow(viewer.connected && !viewer.viewOnly));
    lead.push(help, alone.node);
  }
  let toolbar: PageToolbar | null = null;
  const place = element('div', { className: 'jp-VNC-toolbar', children: lead });
  main.replaceChildren(place, viewer.node);
  document.addEventListener('visibilitychange', () => {
    viewer.visible = !document.hidden;
  });
  askBeforeLeaving(() => viewer.connected && !viewer.viewOnly);
  window.addEventListener('pagehide', () => viewer.disconnect());
  // Back from the browser's cache of pages, with all our state but no connection.
  window.addEventListener('pageshow', event => event.persisted && viewer.connect());
  viewer.connect();
  await firstPicture(viewer);
  toolbar = new PageToolbar(viewer, trans, lead);
  place.replaceWith(toolbar.node);
  return viewer;
}

/** Go to another page; out of the frame, which only this one may be in. */
function leave(url: string, framed: boolean): void {
  if (framed) {
    window.open(url, '_blank', 'noopener');
  } else {
    window.location.assign(url);
  }
}

/** Wait until the desktop is on the screen, or is not as quick as that. */
async function firstPicture(viewer: Viewer): Promise<void> {
  await new Promise<void>(resolve => {
    setTimeout(resolve, TOOLBAR_AFTER);
    const stop = viewer.changed.on(() => {
      if (viewer.status.phase === 'connected') {
        stop();
        setTimeout(resolve, PAINTED_AFTER);
      }
    });
  });
}

const { root = './', version = '' } = document.body.dataset;
unattended(start(document.body, translation(root, version)));
