/**
 * What the course room asks of the server.
 */
import { noAnswer, readJSON, refusal } from '../connection/grant';
import { fetchAPI } from './http';
import type { IRoom } from './room-rows';
import type { ITranslate } from '../ui/i18n';
import { refusals } from '../connection/status';

/** The latest picture that has come from a process of the service. */
export interface IStamp {
  readonly process: string;
  readonly stamp: number;
}

/** Pictures that are new on a wall, in the answer to `POST api/room/wall`. */
export interface IWallAnswer extends IStamp {
  readonly pictures: readonly { readonly session: string; readonly data: string }[];
  readonly more: boolean;
}

/** A desktop in the course room. */
export interface IDesktopOf {
  readonly target: string;
  readonly owner: string;
  readonly server: string | null;
}

/** What is asked with `POST api/room/attention`. */
export interface IAttentionRequest {
  readonly desktops: readonly IDesktopOf[];
  /** Hold their input, or let them go on. */
  readonly hold: boolean;
  readonly text?: string;
  /** Whether this only goes on. */
  readonly again?: boolean;
}

/** The answer to it: whose input is not held, and why. */
export interface IAttentionAnswer {
  readonly missed: readonly { readonly index: number; readonly message: string }[];
}

/** The server, as the page of the course room knows it. */
export class RoomServer {
  /**
   * @param root - the URL of the service
   */
  constructor(
    readonly root: string,
    private readonly _trans: ITranslate
  ) {}

  /** What the room has; throws what a failure means. */
  async room(): Promise<IRoom> {
    const response = await fetchAPI(`${this.root}api/room`);
    const room = await readJSON(response);
    if (!response.ok || !isRoom(room)) {
      throw refusal(response, room);
    }
    return room;
  }

  /**
   * Keep a wall open, and get the pictures after the latest stamp of each process; throws what a failure means.
   */
  async wall(stamps: readonly IStamp[]): Promise<IWallAnswer> {
    const response = await this._send('POST', 'api/room/wall', JSON.stringify({ stamps }));
    const answer = await readJSON(response);
    if (!response.ok || !isWallAnswer(answer)) {
      throw refusal(response, answer);
    }
    return answer;
  }

  /**
   * Hold somebody's input, or let them go on; throws what a failure means.
   *
   * @param leaving - whether it has to be sent though the page is being left
   */
  async attention(request: IAttentionRequest, leaving = false): Promise<IAttentionAnswer> {
    const response = await this._send('POST', 'api/room/attention', JSON.stringify(request), leaving);
    const answer = await readJSON(response);
    if (!response.ok || !isAttentionAnswer(answer)) {
      throw refusal(response, answer);
    }
    return answer;
  }

  /** Do something; return what went wrong. What is gone already is as good as removed. */
  async do(method: string, path: string, body?: string): Promise<string> {
    try {
      await this._must(method, path, body);
      return '';
    } catch (error) {
      return method === 'DELETE' && isGone(error) ? '' : this.sentence(error);
    }
  }

  /** End a session; return what went wrong, or null where it had ended already. */
  async end(id: string): Promise<string | null> {
    try {
      await this._must('DELETE', `api/sessions/${id}`);
      return '';
    } catch (error) {
      return isGone(error) ? null : this.sentence(error);
    }
  }

  /** What a failure means: in the server's words where it has any. */
  sentence(error: unknown): string {
    const trans = this._trans;
    const { status, message } = noAnswer(error);
    const known = [0, 401, 503].includes(status) ? refusals(trans)[status]?.sentence : undefined;
    return message || known || trans.__('Something went wrong in the server.');
  }

  /** Do something; throws what a failure means. */
  private async _must(method: string, path: string, body?: string): Promise<void> {
    const response = await this._send(method, path, body);
    if (!response.ok) {
      throw refusal(response, await readJSON(response));
    }
  }

  private _send(method: string, path: string, body?: string, keepalive = false): Promise<Response> {
    const headers = { 'Content-Type': 'application/json' };
    return fetchAPI(this.root + path, { method, body, headers, keepalive });
  }
}

/** Whether the server says that there is no such thing; a proxy in front of it knows nothing of that. */
const isGone = (error: unknown): boolean => noAnswer(error).status === 404;

function isRoom(body: unknown): body is IRoom {
  const room = body as Partial<Record<keyof IRoom, unknown>> | null;
  return [room?.sessions, room?.machines, room?.waiting, room?.servers, room?.absent].every(Array.isArray);
}

function isAttentionAnswer(body: unknown): body is IAttentionAnswer {
  return Array.isArray((body as Partial<IAttentionAnswer> | null)?.missed);
}

function isWallAnswer(body: unknown): body is IWallAnswer {
  const answer = body as Partial<Record<keyof IWallAnswer, unknown>> | null;
  const { pictures, process, stamp } = answer ?? {};
  return Array.isArray(pictures) && typeof process === 'string' && typeof stamp === 'number';
}
