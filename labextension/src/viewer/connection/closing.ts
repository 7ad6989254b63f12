/**
 * Which sentence, and which remedy, an end has: the tables of `status.ts`, and what happened before.
 */
import type { End } from './attempt';
import { closings, type IClosing, refusals, surprises, tooLarge } from './status';
import type { ITranslate } from '../ui/i18n';

/** After this many refused websockets in a row, the sentence names the likely cause. */
const SUSPICIOUS_AFTER = 4;

/** After so many failures of noVNC in a row it is for the reader to try again. */
export const MOST_FAILURES = 3;

/** A connection that held this long before it failed is not one of a row (milliseconds). */
export const STEADY_AFTER = 60000;

/** The ends of one viewer's connections. */
export class Closings {
  constructor(private readonly _trans: ITranslate) {
    this._closings = closings(_trans);
    this._refusals = refusals(_trans);
    this._surprises = surprises(_trans);
  }

  /**
   * What is said and done about an end.
   *
   * @param end - why an attempt ended
   * @param held - how long it had been connected (milliseconds)
   */
  of(end: End, held: number): IClosing {
    this._failures = held < STEADY_AFTER ? this._failures : 0;
    if (end.kind === 'token') {
      const known = this._refusals[end.status];
      return known ?? (end.status >= 500 ? this._closings[1011]! : this._refusals[400]!);
    }
    if (end.kind === 'large') {
      return tooLarge(this._trans, end.width, end.height);
    }
    if (end.kind === 'broken') {
      this._failures += 1;
      const { broken } = this._surprises;
      return this._failures < MOST_FAILURES ? broken : { ...broken, action: 'again' };
    }
    return end.kind === 'close' ? this._ofClose(end) : this._surprises[end.kind];
  }

  /** The reader begins anew. */
  forget(): void {
    this._failures = 0;
  }

  private _ofClose({ code, opened }: End & { kind: 'close' }): IClosing {
    this._refusedInARow = opened ? 0 : this._refusedInARow + 1;
    return this._closings[code] ?? (opened ? this._surprises.lost : this._refused());
  }

  private _refused(): IClosing {
    const trans = this._trans;
    return this._refusedInARow < SUSPICIOUS_AFTER
      ? this._surprises.refused
      : {
          ...this._surprises.refused,
          sentence: trans.__('The server answers, but something in between does not pass websockets on.')
        };
  }

  private readonly _closings: Record<number, IClosing>;
  private readonly _refusals: Record<number, IClosing>;
  private readonly _surprises: ReturnType<typeof surprises>;
  private _refusedInARow = 0;
  private _failures = 0;
}

/** What the server said, less what our own sentence says already. */
export function detailOf(end: End, sentence: string): string {
  const said = (end.kind === 'close' ? end.reason : end.kind === 'token' ? end.message : '').trim();
  if (said.startsWith(sentence)) {
    return said.slice(sentence.length).trim();
  }
  return sentence.startsWith(said.replace(/\.$/, '')) ? '' : said;
}
