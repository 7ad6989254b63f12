/**
 * The REST interface of the server, as plain functions.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { ISession, ITarget } from './tokens';
import { type IGrant, readGrant } from './viewer/grant';

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

/**
 * Ask for a token.
 *
 * @throws TokenRefused - with the reason, when the server gives none
 */
export async function requestToken(
  settings: ServerConnection.ISettings,
  target: string,
  mode: 'control' | 'view',
  signal: AbortSignal
): Promise<IGrant> {
  const init = { method: 'POST', body: JSON.stringify({ target, mode }), signal };
  return readGrant(await send(settings, 'api/tokens', init));
}

/** End a session. One that is gone already is as good as ended. */
export async function endSession(settings: ServerConnection.ISettings, id: string): Promise<void> {
  const response = await send(settings, `api/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' });
  if (!response.ok && response.status !== 404) {
    throw await ServerConnection.ResponseError.create(response);
  }
}

async function read<T>(settings: ServerConnection.ISettings, path: string): Promise<T> {
  // An open tab is no activity: only input on a desktop keeps a server alive.
  const response = await send(settings, `${path}?no_track_activity=1`, {});
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return (await response.json()) as T;
}

function send(settings: ServerConnection.ISettings, path: string, init: RequestInit): Promise<Response> {
  return ServerConnection.makeRequest(rootOf(settings) + path, init, settings);
}
