/**
 * One clipboard for both sides, where the browser permits it.
 *
 * Reading the reader's clipboard needs a permission that the browser asks for once. Until it is given, nothing goes
 * either way by itself: selecting text on a desktop must not overwrite what the reader has copied.
 */

/** The browser's answer; `unsupported` where it cannot be asked, or the page is not secure. */
export type Permission = 'granted' | 'prompt' | 'denied' | 'unsupported';

/** Which ways are open. */
export interface IWays {
  readonly toDesktop: boolean;
  readonly fromDesktop: boolean;
}

/** Ask what the browser permits, without a question to the reader. */
export async function permission(): Promise<Permission> {
  try {
    const name = 'clipboard-read' as PermissionName;
    return navigator.clipboard ? (await navigator.permissions.query({ name })).state : 'unsupported';
  } catch {
    return 'unsupported';
  }
}

/** Follows both clipboards. */
export class Seamless {
  /**
   * @param _ways - what the policy, the mode and the reader allow now
   * @param _send - gives text to the desktop; false when it is refused
   */
  constructor(
    private readonly _ways: () => IWays,
    private readonly _send: (text: string) => boolean
  ) {}

  /** The reader comes to the desktop: bring along what was copied elsewhere. */
  async bring(): Promise<void> {
    if (this._ways().toDesktop && (await permission()) === 'granted') {
      const text = await navigator.clipboard.readText().catch(() => '');
      if (text !== '' && text !== this._last && this._send(text)) {
        this._last = text;
      }
    }
  }

  /** The desktop copied a text: put it onto the reader's clipboard. */
  async take(text: string): Promise<void> {
    if (text !== this._last && this._ways().fromDesktop && (await permission()) === 'granted') {
      this._last = text;
      // Fails while the reader is in another window; the panel has the text nevertheless.
      await navigator.clipboard.writeText(text).catch(() => undefined);
    }
  }

  private _last = '';
}
