/**
 * The answer to a request for a token: a grant, or the reason why not.
 */
import type { Mode } from '../session';

/** A token that opens one websocket, once, within `expires_in` seconds. */
export interface IGrant {
  readonly token: string;
  readonly expires_in: number;
  /** Absolute path of the websocket on the server. */
  readonly websocket: string;
  readonly target: string;
  readonly mode: Mode;
}

/** What a websocket beside that of a session carries: sound, or video. */
export type StreamKind = 'stream' | 'video';

/** What stands for a refusal because of our origin: nobody is denied anything, a proxy is set up wrongly. */
const MISDIRECTED = 421;

/** The server gave no token. */
export class TokenRefused extends Error {
  /**
   * @param status - the HTTP status; 0 when there was no answer
   * @param message - the server's sentence, or empty
   * @param retryAfter - how long the server asks us to wait, in milliseconds
   */
  constructor(
    readonly status: number,
    message = '',
    readonly retryAfter = 0
  ) {
    super(message);
  }
}

/**
 * Read the answer to a request for a token.
 *
 * @throws TokenRefused - for everything that is not a grant
 */
export async function readGrant(response: Response): Promise<IGrant> {
  const body = await readJSON(response);
  if (response.ok && isGrant(body)) {
    return body;
  }
  throw refusal(response, body);
}

/** What an answer means that is not what was asked for; `body` is its JSON, or null. */
export function refusal(response: Response, body: unknown): TokenRefused {
  const { message, reason } = (body ?? {}) as { message?: unknown; reason?: unknown };
  return new TokenRefused(
    statusOf(response, body, message, reason),
    typeof reason === 'string' && typeof message === 'string' ? message : '',
    secondsOf(response.headers.get('Retry-After')) * 1000
  );
}

/** Make a refusal of a failed fetch: no answer came at all. */
export function noAnswer(error: unknown): TokenRefused {
  return error instanceof TokenRefused ? error : new TokenRefused(0);
}

/**
 * The status that tells our situation best.
 *
 * A login page instead of JSON, and a 403 that is not one of our own (ours carry a `reason`), mean that the
 * login is gone: Jupyter answers 403 to a stranger. Jupyter's authorizer says "not authorized" itself. A page
 * of the hub where JSON was due, a 404 without JSON, and a 424 are not from the service: a proxy that has just been
 * restarted does not know the way to the hub, or the hub not yet the way to the server.
 */
function statusOf(response: Response, body: unknown, message: unknown, reason: unknown): number {
  if (response.ok || response.redirected || response.type === 'opaqueredirect') {
    return body === null || response.redirected ? 401 : 400;
  }
  const astray = response.status === 404 || response.headers.has('X-JupyterHub-Version');
  if ((body === null && astray) || response.status === 424) {
    return 0;
  }
  if (reason === 'origin') {
    return MISDIRECTED;
  }
  const ours = typeof reason === 'string' || /authorized/i.test(String(message));
  if (response.status === 403 && (!ours || reason === 'login_expired')) {
    return 401;
  }
  return response.status;
}

/** The JSON of an answer; null if it has none. */
export async function readJSON(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch {
    return null;
  }
}

function isGrant(body: unknown): body is IGrant {
  const grant = body as Partial<IGrant> | null;
  return typeof grant?.token === 'string' && typeof grant.websocket === 'string';
}

function secondsOf(header: string | null): number {
  const seconds = Number(header ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}
