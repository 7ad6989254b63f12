/**
 * The pictures of a wall, as they come. Each question keeps the wall open for a while; without one it closes.
 */
import { browserClock, type IClock, Timer } from '../ui/clock';
import type { IStamp, RoomServer } from './room-server';
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
   */
  constructor(
    private readonly _server: Pick<RoomServer, 'wall'>,
    private readonly _came: (one: { readonly session: string; readonly data: string }) => void,
    clock: IClock = browserClock
  ) {
    this._timer = new Timer(clock);
  }

  /** Whether the wall is open. */
  set open(open: boolean) {
    if (open !== this._open) {
      this._open = open;
      this._timer.clear();
      if (open && !this._asks) {
        unattended(this._ask());
      }
    }
  }

  private async _ask(): Promise<void> {
    this._asks = true;
    let soon = false;
    try {
      const { pictures, process, stamp, more } = await this._server.wall([...this._stamps.values()]);
      this._note({ process, stamp });
      pictures.forEach(one => this._came(one));
      soon = more;
    } catch {
      // The table says what is wrong with the server; pictures come again when it answers.
    } finally {
      this._asks = false;
    }
    if (this._open) {
      this._timer.set(() => unattended(this._ask()), soon ? 0 : INTERVAL);
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

  private readonly _timer: Timer;
  private _open = false;
  private _asks = false;
  private readonly _stamps = new Map<string, IStamp>();
}
