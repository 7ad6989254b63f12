/**
 * The clipboard panel: text from the desktop, text to the desktop. It is always there; `seamless.ts` does the same
 * by itself where the browser permits it.
 */
import { button, element } from '../ui/dom';
import { type IPanel, panel } from './panel';
import { LONGEST_TEXT } from '../engine/limits';
import { type IWays, permission } from '../input/clipboard-sync';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';

/** Which way text may go; the server enforces it, the panel shows it. */
export type ClipboardPolicy = 'both' | 'to-desktop' | 'from-desktop' | 'off';

/** Which ways a policy opens. */
export function waysOf(policy: ClipboardPolicy): IWays {
  return {
    toDesktop: policy === 'both' || policy === 'to-desktop',
    fromDesktop: policy === 'both' || policy === 'from-desktop'
  };
}

/** Whether the server would drop a text. */
export function isTooLong(text: string): boolean {
  return new TextEncoder().encode(text).length > LONGEST_TEXT;
}

/** The sentence about such a text. */
export function tooLong(trans: ITranslate): string {
  return trans.__('This is too long: a desktop takes at most %1 KiB.', String(LONGEST_TEXT / 1024));
}

/** The sentence about such a text that comes from the desktop. */
export function tooLongToTake(trans: ITranslate): string {
  return trans.__(
    'The text that was copied on the desktop is too long: at most %1 KiB are taken over.',
    String(LONGEST_TEXT / 1024)
  );
}

/** What the panel needs. */
export interface IClipboardOptions {
  readonly trans: ITranslate;
  readonly policy: ClipboardPolicy;
  /** Give text to the desktop. */
  readonly send: (text: string) => void;
  /** The panel was closed by the reader. */
  readonly closed: () => void;
}

/** The panel; its `node` goes into the viewer. */
export class ClipboardPanel implements IPanel {
  constructor(private readonly _options: IClipboardOptions) {
    const { trans } = _options;
    this._fromDesktop = this._area(trans.__('Text from the desktop'), true);
    this._toDesktop = this._area(trans.__('Text for the desktop'), false);
    this.node = panel(trans, trans.__('Clipboard'), _options.closed, [
      this._from(),
      this._to(),
      this._sharing,
      this._note
    ]);
    this._limit(false);
  }

  /** The element to show. */
  readonly node: HTMLElement;

  /** Whether text may go either way, in a control or view-only session. */
  allows(viewOnly: boolean): boolean {
    return this._allowsFrom || (this._allowsTo && !viewOnly);
  }

  /** Show the panel for a session, or hide it. */
  toggle(open: boolean, viewOnly: boolean): void {
    this._limit(viewOnly);
    this.node.hidden = !open || !this.allows(viewOnly);
    if (!this.node.hidden) {
      this._note.textContent = '';
      unattended(this._share());
      (this._toDesktop.closest('[hidden]') ? this._fromDesktop : this._toDesktop).focus();
    }
  }

  /** Text was copied on the desktop; null is one of which is known that it is too long. Returns a sentence when it is not taken. */
  receive(text: string | null): string | null {
    if (!this._allowsFrom) {
      return null;
    }
    const refusal = text === null || isTooLong(text) ? tooLongToTake(this._options.trans) : null;
    this._fromDesktop.value = refusal === null ? (text ?? '') : '';
    this._note.textContent = refusal ?? this._note.textContent;
    return refusal;
  }

  private get _allowsFrom(): boolean {
    return waysOf(this._options.policy).fromDesktop;
  }

  private get _allowsTo(): boolean {
    return waysOf(this._options.policy).toDesktop;
  }

  private _limit(viewOnly: boolean): void {
    this._fromDesktop.parentElement!.hidden = !this._allowsFrom;
    this._toDesktop.parentElement!.hidden = !this._allowsTo || viewOnly;
  }

  private _area(label: string, readOnly: boolean): HTMLTextAreaElement {
    const area = element('textarea', {
      attributes: { 'aria-label': label, rows: '4', spellcheck: 'false', autocomplete: 'off' }
    });
    area.readOnly = readOnly;
    return area;
  }

  private _from(): HTMLElement {
    const { trans } = this._options;
    return element('div', {
      children: [
        element('h3', { text: trans.__('Text from the desktop') }),
        this._fromDesktop,
        button({
          className: 'jp-VNC-button',
          text: trans.__('Copy'),
          onClick: () => unattended(this._copy())
        })
      ]
    });
  }

  private _to(): HTMLElement {
    const { trans } = this._options;
    return element('div', {
      children: [
        element('h3', { text: trans.__('Text for the desktop') }),
        this._toDesktop,
        button({
          className: 'jp-VNC-button jp-mod-accept',
          text: trans.__('Send to the desktop'),
          onClick: () => this._send()
        })
      ]
    });
  }

  private async _copy(): Promise<void> {
    const { trans } = this._options;
    try {
      await navigator.clipboard.writeText(this._fromDesktop.value);
      this._note.textContent = trans.__('Copied.');
    } catch {
      this._fromDesktop.select();
      this._note.textContent = trans.__('Your browser does not let this page copy. Press Ctrl+C.');
    }
  }

  private _send(): void {
    const { trans, send } = this._options;
    const text = this._toDesktop.value;
    if (isTooLong(text)) {
      this._note.textContent = tooLong(trans);
      return;
    }
    send(text);
    this._note.textContent = trans.__('Sent. Paste it on the desktop.');
  }

  /** Say how the clipboards are joined; where the browser wants to be asked, offer to ask it. */
  private async _share(): Promise<void> {
    const { trans } = this._options;
    const sentences = {
      granted: trans.__('Your browser lets both clipboards follow each other.'),
      prompt: trans.__('Your browser asks you once before the clipboards can follow each other.'),
      denied: trans.__('Your browser is set to keep its clipboard from this page: use the boxes above.'),
      unsupported: trans.__(
        'This browser, or a page without HTTPS, cannot share its clipboard: use the boxes above.'
      )
    };
    const state = await permission();
    const ask = button({
      className: 'jp-VNC-button',
      text: trans.__('Share the clipboard'),
      onClick: () =>
        unattended(
          navigator.clipboard
            .readText()
            .catch(() => '')
            .then(() => this._share())
        )
    });
    this._sharing.replaceChildren(
      element('p', { text: sentences[state] }),
      ...(state === 'prompt' ? [ask] : [])
    );
  }

  private readonly _fromDesktop: HTMLTextAreaElement;
  private readonly _toDesktop: HTMLTextAreaElement;
  private readonly _sharing = element('div', { className: 'jp-VNC-sharing' });
  private readonly _note = element('p', { className: 'jp-VNC-note', attributes: { role: 'status' } });
}
