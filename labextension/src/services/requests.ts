/**
 * The requests of somebody who uses a desktop; loaded with the first one.
 */
import { ServerConnection } from '@jupyterlab/services';

import { read, send } from './rest-api';
import { type IGrant, readGrant, type StreamKind } from '../viewer/connection/grant';
import type { IPresence } from '../viewer/session';

/**
 * Ask for a token of a desktop's sound or video, beside a session.
 *
 * @throws TokenRefused - with the reason, when the server gives none
 */
export async function requestStream(
  settings: ServerConnection.ISettings,
  target: string,
  session: string,
  signal: AbortSignal,
  kind: StreamKind = 'stream'
): Promise<IGrant> {
  const init = { method: 'POST', body: JSON.stringify({ target, kind, session }), signal };
  return readGrant(await send(settings, 'api/tokens', init));
}

/** Everybody's sessions on a desktop. */
export function fetchViewers(settings: ServerConnection.ISettings, target: string): Promise<IPresence[]> {
  return read<IPresence[]>(settings, `api/targets/${encodeURIComponent(target)}/viewers`);
}

/** Something small, to measure how long an answer takes. */
export function probe(settings: ServerConnection.ISettings): Promise<unknown> {
  return send(settings, 'static/viewer/desktop.svg', { cache: 'no-store' });
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
