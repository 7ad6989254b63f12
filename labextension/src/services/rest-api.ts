/**
 * What is asked of the server from the beginning: lists, and a token. What comes later is in `requests.ts`.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IDesktop, ISession, ITarget } from '../tokens';
import type { Mode } from '../viewer/session';
import type { IGrant } from '../viewer/connection/grant';

/** URL of the service. */
export function rootOf(settings: ServerConnection.ISettings): string {
  return URLExt.join(settings.baseUrl, 'vnc/');
}

/** The targets of the user. */
export function fetchTargets(settings: ServerConnection.ISettings): Promise<ITarget[]> {
  return read<ITarget[]>(settings, 'api/targets');
}

/** The live sessions of the user; of everybody, for an administrator. */
export function fetchSessions(settings: ServerConnection.ISettings): Promise<ISession[]> {
  return read<ISession[]>(settings, 'api/sessions');
}

/** The desktops that the server started for the user. */
export function fetchDesktops(settings: ServerConnection.ISettings): Promise<IDesktop[]> {
  return read<IDesktop[]>(settings, 'api/desktops');
}

/**
 * Ask for a token.
 *
 * @throws TokenRefused - with the reason, when the server gives none
 */
export async function requestToken(
  settings: ServerConnection.ISettings,
  target: string,
  mode: Mode,
  signal: AbortSignal,
  takeover: boolean
): Promise<IGrant> {
  const init = { method: 'POST', body: JSON.stringify({ target, mode, takeover }), signal };
  const [response, { readGrant }] = await Promise.all([
    send(settings, 'api/tokens', init),
    import(/* webpackChunkName: "desktop" */ '../viewer/connection/grant')
  ]);
  return readGrant(response);
}

/** Make a request of a route, as it is. */
export function send(
  settings: ServerConnection.ISettings,
  path: string,
  init: RequestInit
): Promise<Response> {
  return ServerConnection.makeRequest(rootOf(settings) + path, init, settings);
}

/** Read something that is listed. */
export async function read<T>(settings: ServerConnection.ISettings, path: string): Promise<T> {
  // An open tab is no activity: only input on a desktop keeps a server alive.
  const response = await send(settings, `${path}?no_track_activity=1`, {});
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return (await response.json()) as T;
}
