/**
 * How our own pages talk to the server.
 */
import { type IGrant, readGrant } from './grant';

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

/** Ask for a token as a page does; `root` is the URL of the service. */
export async function requestToken(
  root: string,
  target: string,
  mode: 'control' | 'view',
  signal: AbortSignal
): Promise<IGrant> {
  const response = await fetchAPI(`${root}api/tokens`, {
    method: 'POST',
    body: JSON.stringify({ target, mode }),
    headers: { 'Content-Type': 'application/json' },
    signal
  });
  return readGrant(response);
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
