/**
 * Questions of which only the last one's answer counts.
 */

/** Drops answers that come too late: after another question, or after nobody wants them any more. */
export class Latest {
  /** Wait for an answer; undefined when it comes too late. A failure comes late or not: it is thrown. */
  async of<T>(answer: Promise<T>): Promise<T | undefined> {
    const round = (this._round += 1);
    const value = await answer;
    return round === this._round ? value : undefined;
  }

  /** Want no answer that is still to come. */
  drop(): void {
    this._round += 1;
  }

  private _round = 0;
}
