/**
 * Registered targets over REST: what comes, and what a refusal says.
 */
import { noAnswer, readJSON, refusal } from '../connection/grant';
import { refusals } from '../connection/status';
import type { ITranslate } from '../ui/i18n';
import { fetchAPI } from './http';

/** The keys of a target, as the configuration has them; `true` stands for a secret that is stored. */
export type Keys = Readonly<Record<string, unknown>>;

/** A row of the list. */
export interface IRegistered {
  readonly name: string;
  readonly title: string;
  readonly where: string;
  readonly mode: string;
  readonly allow_users: readonly string[];
  readonly allow_groups: readonly string[];
  readonly sessions: number;
  readonly test: { readonly at: string; readonly ok: boolean; readonly step: string } | null;
  readonly maintenance: boolean;
  readonly machines: readonly string[];
  readonly machines_out: readonly string[];
  readonly problem: string;
  readonly editable: boolean;
  readonly version: number;
  readonly changed_at: string;
  readonly changed_by: string;
}

/** The list. */
export interface IRegistry {
  readonly targets: readonly IRegistered[];
  readonly may: { readonly groups: readonly string[] | null; readonly local: boolean };
  readonly trouble: string;
}

/** A part of a JSON Schema, as far as the form reads it. */
export interface ISchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, ISchema>>;
  readonly description?: string;
  readonly writeOnly?: boolean;
  readonly 'x-default'?: string;
  readonly 'x-local'?: boolean;
  readonly 'x-section'?: string;
}

/** How far a target works. */
export interface ITrial {
  readonly ok: boolean;
  readonly steps: readonly {
    readonly name: string;
    readonly seconds: number;
    readonly result: string;
    readonly error: string | null;
  }[];
  readonly picture: { readonly data: string; readonly width: number; readonly height: number } | null;
}

/** A row of a file to import. */
export interface IPreview {
  readonly where: string;
  readonly name: string;
  readonly address: string;
  readonly errors: Readonly<Record<string, string>>;
}

/** A change. */
export interface IChange {
  readonly at: string;
  readonly by: string;
  readonly action: string;
  readonly target: string;
  /** With maintenance only: empty for all of the target. */
  readonly machine?: string;
  readonly changed: Readonly<Record<string, readonly [unknown, unknown]>>;
  readonly local: readonly string[];
  readonly secrets: readonly string[];
}

/** The server refused. */
export class Refused extends Error {
  /**
   * @param status - the HTTP status; 0 when there was no answer
   * @param message - a sentence for a person
   * @param errors - what is wrong, by key
   */
  constructor(
    readonly status: number,
    message: string,
    readonly errors: Readonly<Record<string, string>> = {}
  ) {
    super(message);
  }
}

/** Requests about registered targets; what is not done is thrown as `Refused`. */
export class RegistryAPI {
  constructor(
    private readonly _root: string,
    private readonly _trans: ITranslate
  ) {}

  /** Make a request; `path` is below the registry. */
  async ask<T>(method: string, path = '', body?: unknown, version?: number, base = 'registry'): Promise<T> {
    const headers: Record<string, string> = { 'Content-Type': 'application/json' };
    if (version !== undefined) {
      headers['If-Match'] = `"${version}"`;
    }
    let response: Response;
    try {
      const sent = body === undefined ? undefined : JSON.stringify(body);
      response = await fetchAPI(`${this._root}api/${base}${path}`, { method, headers, body: sent });
    } catch (error) {
      throw new Refused(0, this._sentence(noAnswer(error)));
    }
    if (response.status === 204) {
      return undefined as T;
    }
    const answer = await readJSON(response);
    if (!response.ok) {
      const { errors = {} } = (answer ?? {}) as { errors?: Record<string, string> };
      throw new Refused(response.status, this._sentence(refusal(response, answer)), errors);
    }
    return answer as T;
  }

  /** What a failure means: in the server's words where it has any. */
  private _sentence({ status, message }: { status: number; message: string }): string {
    const trans = this._trans;
    const known = [0, 401].includes(status) ? refusals(trans)[status]?.sentence : undefined;
    return message || known || trans.__('Something went wrong in the server.');
  }
}

/** The path of a target below the registry. */
export const pathOf = (name: string): string => `/${encodeURIComponent(name)}`;
