/**
 * Who else has the desktop on the screen. The server says so in its notes; where none comes, it is asked now and then,
 * and only while that is wanted.
 */
import { type IClock, PICTURE_FIRST, Timer } from './ui/clock';
import { Emitter } from './ui/emitter';
import type { IPresence } from './session';
import type { ITranslate } from './ui/i18n';
import type { IComing } from './connection/notices';
import { Latest } from './ui/latest-answer';
import { unattended } from './ui/report';

/** How often the server is asked (milliseconds). */
export const COMPANY_INTERVAL = 10000;

/** Longer names are cut in the toolbar (characters). */
const SHORT = 20;

/** More newcomers than this are counted, not named. */
const FEW = 4;

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

  /**
   * Emits when somebody has left, also one who came after the last note of the server's and was never seen; not when
   * somebody who may ask for a size has come meanwhile, as with a reload: the last to come has asked last.
   */
  readonly left = new Emitter<void>();

  /** Those who are known by name, without this viewer itself. */
  get others(): readonly IPresence[] {
    return this._others;
  }

  /** How many there are, without this viewer itself: a class has more than the server names. */
  get count(): number {
    return this._count;
  }

  /** Whether to know: while pixels arrive and somebody looks at them. */
  set wanted(wanted: boolean) {
    if (wanted && !this._wanted) {
      this._wanted = true;
      this._timer.set(() => unattended(this._begin()), PICTURE_FIRST);
    } else if (!wanted) {
      this._wanted = false;
      this._timer.clear();
    }
  }

  /** The server says who is there. It will say so again when that changes, so it need not be asked. */
  take(said: Pick<IComing, 'viewers' | 'count'>): void {
    const isFirst = this._said === null;
    this._said = said;
    this._latest.drop();
    if (this._wanted) {
      this._timer.clear();
      // It gathers who comes and goes: where it says the same again, somebody has done both.
      this._know(said.viewers, said.count, !isFirst);
    }
  }

  /** Nobody is known to be there: the connection has ended. */
  forget(): void {
    this._said = null;
    this._know([], 1, false, false);
  }

  /** Leave nothing behind. */
  dispose(): void {
    this.wanted = false;
    this.changed.clear();
    this.left.clear();
  }

  private async _begin(): Promise<void> {
    if (this._said) {
      this._know(this._said.viewers, this._said.count);
    } else {
      await this._ask();
    }
  }

  private async _ask(): Promise<void> {
    if (!this._fetchViewers) {
      return;
    }
    // No answer says nothing about who is there.
    const all = await this._latest.of(this._fetchViewers().catch(() => null));
    if (this._wanted && all !== undefined) {
      if (all) {
        this._know(all, all.length);
      }
      this._timer.set(() => unattended(this._ask()), COMPANY_INTERVAL);
    }
  }

  /**
   * @param isUnseen - whether somebody must have come and left where the same are there as before
   * @param tell - whether anybody is told that somebody has left
   */
  private _know(all: readonly IPresence[], count: number, isUnseen = false, tell = true): void {
    const others = withoutThisOne(all);
    const before = this._others.map(nameOf);
    const here = others.map(nameOf);
    const came = others.filter(one => !before.includes(nameOf(one)));
    const isNew = came.length > 0 || others.length !== before.length || count - 1 !== this._count;
    const fewer = count - 1 < this._count || before.some(name => !here.includes(name));
    const asked = all.some(one => one.mode === 'control' && !this._sessions.has(sessionOf(one)));
    this._sessions = new Set(all.map(sessionOf));
    this._others = others;
    this._count = Math.max(0, count - 1);
    if (isNew) {
      this.changed.emit(came);
    }
    if (tell && !asked && (isNew ? fewer : isUnseen)) {
      this.left.emit();
    }
  }

  private readonly _timer: Timer;
  private _others: readonly IPresence[] = [];
  private _sessions: ReadonlySet<string> = new Set();
  private _count = 0;
  private _said: Pick<IComing, 'viewers' | 'count'> | null = null;
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

/** Who came, in one line: by name, as long as they are few. */
export function greeting(trans: ITranslate, came: readonly IPresence[]): string {
  return came.length > FEW
    ? trans._n(
        '%1 other has it on the screen.',
        '%1 others have it on the screen.',
        came.length,
        String(came.length)
      )
    : came.map(one => `${describe(trans, one)}.`).join(' ');
}

/** As few words as a toolbar has room for: a name, or how many there are. */
export function briefly({ others, count }: Pick<Company, 'others' | 'count'>): string {
  const [first] = others;
  if (!first || count > 1 || first.you) {
    return count > 0 ? `+${count}` : '';
  }
  return first.user.length > SHORT ? `${first.user.slice(0, SHORT - 1)}…` : first.user;
}

/** All but one of the reader's own: the server does not know which of them asks. */
function withoutThisOne(all: readonly IPresence[]): readonly IPresence[] {
  const own = all.findIndex(one => one.you);
  return all.filter((_, index) => index !== own);
}

const sessionOf = ({ user, mode, since }: IPresence): string => JSON.stringify([user, mode, since]);

const nameOf = ({ user, mode, you }: IPresence): string => JSON.stringify([user, mode, you]);
