/**
 * The REST interface of the server, as plain functions.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IDesktop, ISession, ITarget } from '../tokens';
import type { IPresence, Mode } from '../viewer/session';
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

/** Everybody's sessions on a desktop. */
export function fetchViewers(settings: ServerConnection.ISettings, target: string): Promise<IPresence[]> {
  return read<IPresence[]>(settings, `api/targets/${encodeURIComponent(target)}/viewers`);
}

/** Something small, to measure how long an answer takes. */
export function probe(settings: ServerConnection.ISettings): Promise<unknown> {
  return send(settings, 'static/viewer/desktop.svg', { cache: 'no-store' });
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

/** End a session. One that is gone already is as good as ended. */
export function endSession(settings: ServerConnection.ISettings, id: string): Promise<void> {
  return remove(settings, `api/sessions/${encodeURIComponent(id)}`);
}

/** Shut a desktop down that the server started. */
export function stopDesktop(settings: ServerConnection.ISettings, name: string): Promise<void> {
  return remove(settings, `api/desktops/${encodeURIComponent(name)}`);
}

/** Restart a desktop of the server; its programs end. Resolves when it runs again. */
export async function restartDesktop(settings: ServerConnection.ISettings, name: string): Promise<void> {
  const init = { method: 'POST', body: JSON.stringify({ action: 'restart' }) };
  const response = await send(settings, `api/desktops/${encodeURIComponent(name)}`, init);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
}

async function remove(settings: ServerConnection.ISettings, path: string): Promise<void> {
  const response = await send(settings, path, { method: 'DELETE' });
  if (!response.ok && response.status !== 404) {
    throw await ServerConnection.ResponseError.create(response);
  }
}

/** Make a request of a route, as it is. */
export function send(
  settings: ServerConnection.ISettings,
  path: string,
  init: RequestInit
): Promise<Response> {
  return ServerConnection.makeRequest(rootOf(settings) + path, init, settings);
}

async function read<T>(settings: ServerConnection.ISettings, path: string): Promise<T> {
  // An open tab is no activity: only input on a desktop keeps a server alive.
  const response = await send(settings, `${path}?no_track_activity=1`, {});
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return (await response.json()) as T;
}
