/**
 * The pictures of a wall, as they come. Each question keeps the wall open for a while; without one it closes.
 */
import { browserClock, type IClock, Timer } from '../ui/clock';
import { Backoff } from '../connection/backoff';
import type { IStamp, RoomServer } from './room-server';
import { noAnswer, type TokenRefused } from '../connection/grant';
import { unattended } from '../ui/report';

/** How often the server is asked (milliseconds): more often than pictures come, so that none waits for long. */
const INTERVAL = 3000;

/** So many processes are remembered; each start of one makes another. */
const MOST_PROCESSES = 16;

/** Asks for pictures while the wall is open. */
export class WallFeed {
  /**
   * @param _server - is asked
   * @param _came - gets each picture, as base64
   * @param _failed - told what is wrong with each answer, and null when nothing is
   */
  constructor(
    private readonly _server: Pick<RoomServer, 'wall'>,
    private readonly _came: (one: { readonly session: string; readonly data: string }) => void,
    private readonly _failed: (refusal: TokenRefused | null) => void,
    clock: IClock = browserClock,
    random: () => number = Math.random
  ) {
    this._backoff = new Backoff(random);
    this._timer = new Timer(clock);
  }

  /** Whether the wall is open. */
  set open(open: boolean) {
    if (open !== this._open) {
      this._open = open;
      this._timer.clear();
      this._backoff.reset();
      this._failed(null);
      if (open && !this._asks) {
        unattended(this._ask());
      }
    }
  }

  private async _ask(): Promise<void> {
    this._asks = true;
    let delay = INTERVAL;
    try {
      const { pictures, process, stamp, more } = await this._server.wall([...this._stamps.values()]);
      this._note({ process, stamp });
      pictures.forEach(one => this._came(one));
      delay = more ? 0 : INTERVAL;
      this._backoff.reset();
      this._failed(null);
    } catch (error) {
      delay = this._refused(noAnswer(error));
    } finally {
      this._asks = false;
    }
    if (this._open) {
      this._timer.set(() => unattended(this._ask()), delay);
    }
  }

  /** Any process of the service may answer the next question, and each has pictures of its own. */
  private _note(one: IStamp): void {
    this._stamps.delete(one.process);
    this._stamps.set(one.process, one);
    if (this._stamps.size > MOST_PROCESSES) {
      this._stamps.delete(this._stamps.keys().next().value!);
    }
  }

  /** Say why there are no pictures; return when to ask again. */
  private _refused(refusal: TokenRefused): number {
    if (this._open) {
      this._failed(refusal);
    }
    return Math.max(INTERVAL, this._backoff.next(), refusal.retryAfter);
  }

  private readonly _timer: Timer;
  private readonly _backoff: Backoff;
  private _open = false;
  private _asks = false;
  private readonly _stamps = new Map<string, IStamp>();
}
