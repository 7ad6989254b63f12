/**
 * The clipboard between a desktop and the reader: into the panel always, onto the reader's own where that is permitted.
 */
import { type ClipboardPanel, type ClipboardPolicy, isTooLong, tooLong, waysOf } from './clipboard';
import { Coalesced, type IClock } from '../ui/clock';
import { type IRFB, onRFB } from '../engine/novnc';
import { type IWays, Seamless } from '../input/clipboard-sync';
import type { Preferences } from '../preferences';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';

/** Texts that are copied on the desktop more often than this are taken over once (milliseconds). */
const COPY_INTERVAL = 200;

/** What it needs of a viewer. */
export interface ISharedClipboardOptions {
  readonly clock: IClock;
  readonly trans: ITranslate;
  readonly policy: ClipboardPolicy;
  readonly preferences: Preferences;
  readonly panel: ClipboardPanel;
  /** Where noVNC draws: the reader comes to the desktop when the focus does. */
  readonly screen: HTMLElement;
  readonly isViewOnly: () => boolean;
  /** Tell the reader a sentence in passing. */
  readonly notify: (sentence: string) => void;
}

/** The clipboard of one viewer. */
export class SharedClipboard {
  constructor(private readonly _options: ISharedClipboardOptions) {
    this._copied = new Coalesced(_options.clock, COPY_INTERVAL);
    this._seamless = new Seamless(
      () => this._ways(),
      text => this._bring(text)
    );
    _options.screen.addEventListener('focusin', () => unattended(this._seamless.bring()));
  }

  /** noVNC exists, and is not yet connected. */
  opened(rfb: IRFB): void {
    onRFB(rfb, 'clipboard', ({ text }) => this._copied.set(() => this._receive(text)));
    onRFB(rfb, 'cliptoolong', () => this._copied.set(() => this._receive(null)));
  }

  /** The desktop is there; maybe the reader is, too. */
  arrived(rfb: IRFB): void {
    this._rfb = rfb;
    if (this._options.screen.contains(document.activeElement)) {
      unattended(this._seamless.bring());
    }
  }

  /** The desktop went away. */
  departed(): void {
    this._rfb = null;
  }

  /** Leave nothing behind. */
  dispose(): void {
    this._rfb = null;
    this._copied.clear();
  }

  private _ways(): IWays {
    const { policy, preferences, isViewOnly } = this._options;
    const { toDesktop, fromDesktop } = waysOf(policy);
    const wanted = preferences.now.seamless && this._rfb !== null;
    return { toDesktop: wanted && !isViewOnly() && toDesktop, fromDesktop: wanted && fromDesktop };
  }

  /** Take over what was copied on the desktop; null is too long. */
  private _receive(text: string | null): void {
    const { isViewOnly, notify, panel } = this._options;
    if (text === null && isViewOnly()) {
      return; // noVNC takes over no text then, of whatever length
    }
    const refusal = panel.receive(text);
    if (refusal !== null) {
      notify(refusal);
    } else if (text !== null) {
      unattended(this._seamless.take(text));
    }
  }

  private _bring(text: string): boolean {
    if (isTooLong(text)) {
      this._options.notify(tooLong(this._options.trans));
    } else {
      this._rfb?.clipboardPasteFrom(text);
    }
    return true;
  }

  private readonly _copied: Coalesced;
  private readonly _seamless: Seamless;
  private _rfb: IRFB | null = null;
}
