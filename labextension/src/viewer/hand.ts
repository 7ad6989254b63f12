/**
 * The reader's hand: they ask for help, and their instructors see that in the course room.
 */
import type { IOverseen } from './connection/notices';
import { Emitter } from './ui/emitter';
import type { IClock } from './ui/clock';
import type { ITranslate } from './ui/i18n';

/** Between two messages at least (milliseconds); the server takes no more for long. */
const PAUSE = 1000;

/** What it needs. */
export interface IHandOptions {
  readonly clock: IClock;
  readonly trans: ITranslate;
  /** Tell the server; does nothing without a connection. */
  readonly send: (text: string) => void;
  /** Tell the reader something in passing. */
  readonly tell: (sentence: string) => void;
  /** Ask the reader what they need, or do not ask any more. */
  readonly question: (answer: ((sentence: string) => void) | null) => void;
}

/** The hand of one viewer. The server says whether it is up: other viewers of the same reader have the same hand. */
export class Hand {
  constructor(private readonly _options: IHandOptions) {}

  /** Emits whenever anything of this has changed. */
  readonly changed = new Emitter<void>();

  /** Whether somebody would see it. */
  get offered(): boolean {
    return this._said?.hands === true;
  }

  /** Whether it is up. */
  get up(): boolean {
    return this.offered && this._said?.since !== null;
  }

  /** Raise or lower it. */
  toggle(): void {
    const now = this._options.clock.now();
    if (this.offered && now - this._sent >= PAUSE) {
      this._sent = now;
      this._asks = !this.up;
      this._options.send(JSON.stringify({ type: 'hand', up: !this.up }));
    }
  }

  /** The server says how it is. */
  take(said: IOverseen): void {
    const { trans, tell } = this._options;
    const [was, raised] = [this.up, (this._said?.since ?? null) !== null];
    this._said = said;
    if (this.up && !was && this._asks) {
      this._asks = false; // another window may raise it the next time
      this._options.question(sentence =>
        this._options.send(JSON.stringify({ type: 'hand', up: true, sentence }))
      );
    } else if (!this.up) {
      this._options.question(null);
    }
    if (this.up && !was) {
      tell(trans.__('Your hand is up. Your instructors see that.'));
    } else if (raised && said.since === null) {
      // Not where nobody sees it at present, because the service is away: it still is up for the server.
      tell(trans.__('Your hand is down.'));
    }
    this.changed.emit();
  }

  /** The connection has ended, and the hand with it. */
  forget(): void {
    if (this._said) {
      this._said = null;
      this._options.question(null);
      this.changed.emit();
    }
  }

  private _said: IOverseen | null = null;
  private _sent = -PAUSE;
  /** Whether it was this viewer that raised it. */
  private _asks = false;
}
