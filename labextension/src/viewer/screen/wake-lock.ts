/**
 * Keeps the reader's screen on while a desktop is looked at.
 */
import { unattended } from '../ui/report';

/** Holds a wake lock as long as it is wanted; a browser takes it away from hidden pages. */
export class Wake {
  constructor() {
    document.addEventListener('visibilitychange', () => unattended(this._apply()), {
      signal: this._listening.signal
    });
  }

  /** Whether the screen should stay on. */
  set wanted(wanted: boolean) {
    if (this._wanted !== wanted) {
      this._wanted = wanted;
      unattended(this._apply());
    }
  }

  /** Let the screen go. */
  dispose(): void {
    this._listening.abort();
    this.wanted = false;
  }

  private async _apply(): Promise<void> {
    const held = this._lock;
    this._lock = null;
    await (held as WakeLockSentinel | null)?.release().catch(() => undefined);
    if (!this._wanted || document.hidden) {
      return;
    }
    // Browsers without wake locks, and batteries that are low: the screen goes off as ever.
    const lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
    if (this._wanted && !this._lock) {
      this._lock = lock;
    } else {
      await lock?.release();
    }
  }

  private readonly _listening = new AbortController();
  private _wanted = false;
  private _lock: WakeLockSentinel | null = null;
}
