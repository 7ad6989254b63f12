/**
 * Who else has the desktop on the screen. The server is asked now and then, and only while that is wanted.
 */
import { type IClock, PICTURE_FIRST, Timer } from './ui/clock';
import { Emitter } from './ui/emitter';
import type { Mode } from './session';
import type { ITranslate } from './ui/i18n';
import { Latest } from './ui/latest';
import { unattended } from './ui/report';

/** How often the server is asked (milliseconds). */
export const COMPANY_INTERVAL = 10000;

/** Longer names are cut in the toolbar (characters). */
const SHORT = 20;

/** One session on a desktop. */
export interface IPresence {
  readonly user: string;
  readonly mode: Mode;
  /** Whether it is a session of the reader: this one, or one in another window. */
  readonly you: boolean;
}

/** The others on one desktop. */
export class Company {
  /**
   * @param clock - when to ask
   * @param fetchViewers - asks the server for all sessions; absent where it cannot be asked
   */
  constructor(
    clock: IClock,
    private readonly _fetchViewers?: () => Promise<readonly IPresence[]>
  ) {
    this._timer = new Timer(clock);
  }

  /** Emits those who came since the last time, when anybody came or left. */
  readonly changed = new Emitter<readonly IPresence[]>();

  /** Everybody but this viewer itself. */
  get others(): readonly IPresence[] {
    return this._others;
  }

  /** Whether to ask: while pixels arrive and somebody looks at them. */
  set wanted(wanted: boolean) {
    if (wanted && !this._wanted) {
      this._wanted = true;
      this._timer.set(() => unattended(this._ask()), PICTURE_FIRST);
    } else if (!wanted) {
      this._wanted = false;
      this._timer.clear();
    }
  }

  /** Ask now: somebody came or left. */
  refresh(): void {
    if (this._wanted) {
      this._timer.clear();
      unattended(this._ask());
    }
  }

  /** Nobody is known to be there: the connection has ended. */
  forget(): void {
    this._know([]);
  }

  /** Leave nothing behind. */
  dispose(): void {
    this.wanted = false;
    this.changed.clear();
  }

  private async _ask(): Promise<void> {
    if (!this._fetchViewers) {
      return;
    }
    // No answer says nothing about who is there.
    const all = await this._latest.of(this._fetchViewers().catch(() => null));
    if (this._wanted && all !== undefined) {
      if (all) {
        this._know(withoutThisOne(all));
      }
      this._timer.set(() => unattended(this._ask()), COMPANY_INTERVAL);
    }
  }

  private _know(others: readonly IPresence[]): void {
    const before = this._others.map(nameOf);
    const came = others.filter(one => !before.includes(nameOf(one)));
    if (came.length > 0 || others.length !== before.length) {
      this._others = others;
      this.changed.emit(came);
    }
  }

  private readonly _timer: Timer;
  private _others: readonly IPresence[] = [];
  private _wanted = false;
  private readonly _latest = new Latest();
}

/** What is known of somebody, as one sentence. */
export function describe(trans: ITranslate, { user, mode, you }: IPresence): string {
  if (you) {
    return trans.__('You have it open in another window');
  }
  return mode === 'view' ? trans.__('%1 is watching', user) : trans.__('%1 is in control', user);
}

/** As few words as a toolbar has room for: a name, or how many there are. */
export function briefly(others: readonly IPresence[]): string {
  const [first, second] = others;
  if (!first || second || first.you) {
    return others.length > 0 ? `+${others.length}` : '';
  }
  return first.user.length > SHORT ? `${first.user.slice(0, SHORT - 1)}…` : first.user;
}

/** All but one of the reader's own: the server does not know which of them asks. */
function withoutThisOne(all: readonly IPresence[]): readonly IPresence[] {
  const own = all.findIndex(one => one.you);
  return all.filter((_, index) => index !== own);
}

const nameOf = ({ user, mode, you }: IPresence): string => JSON.stringify([user, mode, you]);
