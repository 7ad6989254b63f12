/**
 * What people write to the reader, over the desktop.
 */
import { button, element } from '../ui/dom';
import type { IMessage } from '../connection/notices';
import type { ITranslate } from '../ui/i18n';

/** So many messages are kept; nobody reads more. */
const MOST = 5;

/** Messages over the desktop, the latest on top, each until the reader closes it. */
export class Messages {
  /**
   * @param _trans - the words
   * @param _closed - told when the reader has closed one
   */
  constructor(
    private readonly _trans: ITranslate,
    private readonly _closed: () => void
  ) {
    this.node.setAttribute('aria-label', _trans.__('Messages'));
  }

  /** The element to show. Screen readers say each message when it comes. */
  readonly node = element('div', {
    className: 'jp-VNC-messages',
    attributes: { role: 'log', 'aria-live': 'assertive' }
  });

  /** Show a message. The focus stays where it is: the reader may be typing. */
  show({ text, sender }: IMessage): void {
    const close = button({ className: 'jp-VNC-button', text: this._trans.__('Close') });
    const message = element('div', {
      className: 'jp-VNC-message',
      children: [
        element('p', { className: 'jp-VNC-sender', text: this._trans.__('%1 writes:', sender) }),
        element('p', { className: 'jp-VNC-text', text }),
        close
      ]
    });
    close.addEventListener('click', () => {
      message.remove();
      this._closed();
    });
    this.node.prepend(message);
    this._trim();
  }

  /**
   * Say that the reader's machine is about to be taken back, until they answer or the server says otherwise.
   *
   * @param seconds - until then; 0 to say nothing any more
   * @param stay - the reader is still here
   */
  warn(seconds: number, stay: () => void): void {
    this._warning?.remove();
    this._warning = null;
    if (seconds <= 0) {
      return;
    }
    const trans = this._trans;
    const here = button({ className: 'jp-VNC-button', text: trans.__('I am still here') });
    const minutes = Math.round(seconds / 60);
    const text =
      minutes > 1
        ? trans.__('You do not use this machine. Others get it in %1 minutes.', String(minutes))
        : trans.__('You do not use this machine. Others get it in %1 seconds.', String(Math.round(seconds)));
    this._warning = element('div', {
      className: 'jp-VNC-message jp-mod-warning',
      children: [element('p', { className: 'jp-VNC-text', text }), here]
    });
    here.addEventListener('click', () => {
      this.warn(0, stay);
      stay();
      this._closed();
    });
    this.node.prepend(this._warning);
    this._trim();
  }

  private _trim(): void {
    while (this.node.childElementCount > MOST) {
      this.node.lastElementChild?.remove();
    }
  }

  private _warning: HTMLElement | null = null;
}
