/**
 * How our own pages talk to the server.
 */
import { type Catalogue, english, type ITranslate, languageFor, translateBy } from '../ui/i18n';
import type { IPresence, Mode } from '../session';
import { type IGrant, readGrant, type StreamKind } from '../connection/grant';

/**
 * Fetch from the server as a page does.
 *
 * The XSRF header goes with reading too: a hub refuses a page's request without it.
 */
export function fetchAPI(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('X-XSRFToken', cookie('_xsrf'));
  return fetch(url, { ...init, headers, credentials: 'same-origin', cache: 'no-store' });
}

/**
 * Ask for a token as a page does.
 *
 * @param root - the URL of the service
 * @param server - the name of the owner's own server in which the desktop runs, if it does
 */
export async function requestToken(
  root: string,
  target: string,
  mode: Mode,
  signal: AbortSignal,
  takeover: boolean,
  owner = '',
  server?: string
): Promise<IGrant> {
  const whose = { ...(owner && { owner }), ...(server !== undefined && { server }) };
  return postToken(root, { target, mode, takeover, ...whose }, signal);
}

/** Ask for a token of a desktop's sound or video beside a session, as a page does. */
export async function requestStream(
  root: string,
  target: string,
  session: string,
  signal: AbortSignal,
  owner = '',
  kind: StreamKind = 'stream'
): Promise<IGrant> {
  return postToken(root, { target, kind, session, ...(owner && { owner }) }, signal);
}

async function postToken(root: string, wanted: object, signal: AbortSignal): Promise<IGrant> {
  const response = await fetchAPI(`${root}api/tokens`, {
    method: 'POST',
    body: JSON.stringify(wanted),
    headers: { 'Content-Type': 'application/json' },
    signal
  });
  return readGrant(response);
}

/** Ask who has a desktop on the screen, as a page does. */
export async function fetchViewers(root: string, target: string, owner = ''): Promise<IPresence[]> {
  const of = owner && `/of/${encodeURIComponent(owner)}`;
  const response = await fetchAPI(`${root}api/targets/${encodeURIComponent(target)}/viewers${of}`);
  if (!response.ok) {
    throw new Error(response.statusText);
  }
  return (await response.json()) as IPresence[];
}

/** The reader's language, as far as there is a catalogue for it; the page is told which it is. */
export async function translation(root: string, version: string): Promise<ITranslate> {
  const language = languageFor(navigator.languages);
  if (language === null) {
    return english;
  }
  try {
    const response = await fetch(`${root}static/viewer/${language}.json?v=${encodeURIComponent(version)}`);
    const catalogue = (await response.json()) as Catalogue;
    document.documentElement.lang = language.replace('_', '-');
    return translateBy(catalogue);
  } catch {
    return english;
  }
}

/** Translate what the server wrote into a page: texts, and the labels of what has no text. */
export function translatePage(body: HTMLElement, { __: say }: ITranslate): void {
  for (const node of body.querySelectorAll('[data-text]')) {
    node.textContent = say(node.textContent?.trim() ?? '');
  }
  for (const node of body.querySelectorAll('[data-label]')) {
    const label = say(node.getAttribute('aria-label') ?? '');
    node.setAttribute('aria-label', label);
    node.setAttribute('title', label);
    if (node.hasAttribute('placeholder')) {
      node.setAttribute('placeholder', label);
    }
  }
}

/** Open a websocket to a path on the server that a URL belongs to. */
export function openSocket(base: string, path: string, protocols: string[]): WebSocket {
  const url = new URL(path, base);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  return new WebSocket(url, protocols);
}

/** The value of a cookie of this page; the most specific path comes first. */
function cookie(name: string): string {
  const found = document.cookie.split('; ').find(pair => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? '';
}
