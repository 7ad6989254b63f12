/**
 * The clipboard panel: text from the desktop, text to the desktop.
 *
 * Nothing is copied behind the reader's back: selecting text on a desktop must not overwrite what the reader
 * has in the own clipboard.
 */
import { button, element } from './dom';
import type { ITranslate } from './text';

/** Which way text may go; the server enforces it, the panel shows it. */
export type ClipboardPolicy = 'both' | 'to-desktop' | 'from-desktop' | 'off';

/** The server passes no longer text on (bytes of UTF-8). */
export const LONGEST_TEXT = 256 * 1024;

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
export class ClipboardPanel {
  constructor(private readonly _options: IClipboardOptions) {
    const { trans } = _options;
    this._fromDesktop = this._area(trans.__('Text from the desktop'), true);
    this._toDesktop = this._area(trans.__('Text for the desktop'), false);
    this.node = element('section', {
      className: 'jp-VNC-panel',
      attributes: { 'aria-label': trans.__('Clipboard') },
      children: [this._header(), this._from(), this._to(), this._note]
    });
    this.node.hidden = true;
    this.node.addEventListener('keydown', event => this._keyDown(event));
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
      (this._toDesktop.closest('[hidden]') ? this._fromDesktop : this._toDesktop).focus();
    }
  }

  /** Text was copied on the desktop. */
  receive(text: string): void {
    if (this._allowsFrom) {
      this._fromDesktop.value = text;
    }
  }

  private get _allowsFrom(): boolean {
    return ['both', 'from-desktop'].includes(this._options.policy);
  }

  private get _allowsTo(): boolean {
    return ['both', 'to-desktop'].includes(this._options.policy);
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

  private _header(): HTMLElement {
    const { trans, closed } = this._options;
    const close = button({
      className: 'jp-VNC-close',
      text: '×',
      attributes: { 'aria-label': trans.__('Close'), title: trans.__('Close') },
      onClick: closed
    });
    return element('header', { children: [element('h2', { text: trans.__('Clipboard') }), close] });
  }

  private _from(): HTMLElement {
    const { trans } = this._options;
    return element('div', {
      children: [
        element('h3', { text: trans.__('Text from the desktop') }),
        this._fromDesktop,
        button({ className: 'jp-VNC-button', text: trans.__('Copy'), onClick: () => void this._copy() })
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
    if (new TextEncoder().encode(text).length > LONGEST_TEXT) {
      this._note.textContent = trans.__(
        'This is too long: a desktop takes at most %1 KiB.',
        String(LONGEST_TEXT / 1024)
      );
      return;
    }
    send(text);
    this._note.textContent = trans.__('Sent. Paste it on the desktop.');
  }

  private _keyDown(event: KeyboardEvent): void {
    // Lab's shortcuts and the page's stay away from what is typed here.
    event.stopPropagation();
    if (event.key === 'Escape') {
      this._options.closed();
    }
  }

  private readonly _fromDesktop: HTMLTextAreaElement;
  private readonly _toDesktop: HTMLTextAreaElement;
  private readonly _note = element('p', { className: 'jp-VNC-note', attributes: { role: 'status' } });
}
