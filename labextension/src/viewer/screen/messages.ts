/**
 * What people write to the reader, over the desktop.
 */
import { button, element, type IMemory } from '../ui/dom';
import type { IMessage } from '../connection/notices';
import type { ITranslate } from '../ui/i18n';
import { isWebAddress, link, linked } from '../ui/links';

/** So many messages are kept; nobody reads more. */
const MOST = 5;

/** The longest sentence with a hand (characters); the server has the same limit. */
const LONGEST_SENTENCE = 200;

/** Where messages wait for their reader, over a reload: as long as the tab of the browser. */
export interface IInbox {
  read(): readonly IMessage[];
  write(messages: readonly IMessage[]): void;
}

/** Messages over the desktop, the latest on top, each until the reader closes it. */
export class Messages {
  /**
   * @param _trans - the words
   * @param _inbox - keeps what was not closed
   * @param _closed - told when the reader has closed one
   */
  constructor(
    private readonly _trans: ITranslate,
    private readonly _inbox: IInbox,
    private readonly _closed: () => void
  ) {
    this.node.setAttribute('aria-label', _trans.__('Messages'));
    this._unread = _inbox.read().slice(0, MOST);
    this.node.append(...this._unread.map(message => this._made(message)));
  }

  /** The element to show. Screen readers say each message when it comes. */
  readonly node = element('div', {
    className: 'jp-VNC-messages',
    attributes: { role: 'log', 'aria-live': 'assertive' }
  });

  /** Show a message. The focus stays where it is: the reader may be typing. */
  show({ kind, text, sender }: IMessage): void {
    const message = { kind, text, sender };
    this.node.prepend(this._made(message));
    const shown = this.node.querySelectorAll('.jp-VNC-message:not(.jp-mod-warning)');
    Array.from(shown)
      .slice(MOST)
      .forEach(one => one.remove());
    this._keep([message, ...this._unread].slice(0, MOST));
  }

  private _made(message: IMessage): HTMLElement {
    const isLink = message.kind === 'link';
    const close = button({ className: 'jp-VNC-button', text: this._trans.__('Close') });
    const node = element('div', {
      className: 'jp-VNC-message',
      children: [
        element('p', {
          className: 'jp-VNC-sender',
          text: isLink
            ? this._trans.__('%1 asks you to open this page:', message.sender)
            : this._trans.__('%1 writes:', message.sender)
        }),
        element('p', {
          className: 'jp-VNC-text',
          children: isLink ? [link(message.text)] : linked(message.text)
        }),
        close
      ]
    });
    close.addEventListener('click', () => {
      node.remove();
      this._keep(this._unread.filter(one => one !== message));
      this._closed();
    });
    return node;
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
    const left = Math.round(seconds);
    const text =
      minutes > 1
        ? trans._n(
            'You do not use this machine. Others get it in %1 minute.',
            'You do not use this machine. Others get it in %1 minutes.',
            minutes,
            String(minutes)
          )
        : trans._n(
            'You do not use this machine. Others get it in %1 second.',
            'You do not use this machine. Others get it in %1 seconds.',
            left,
            String(left)
          );
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
  }

  /**
   * Ask the reader what they need help with; they may leave that open.
   *
   * @param answer - gets the sentence; null to ask no more
   */
  question(answer: ((sentence: string) => void) | null): void {
    const hadFocus = this._question?.contains(document.activeElement) === true;
    this._question?.remove();
    this._question = null;
    if (answer === null) {
      if (hadFocus) {
        this._closed();
      }
      return;
    }
    const trans = this._trans;
    const words = trans.__('What do you need help with? You may leave this open.');
    const input = element('input', {
      attributes: { type: 'text', maxlength: String(LONGEST_SENTENCE), 'aria-label': words }
    });
    const done = (sentence: string): void => {
      this.question(null);
      if (sentence) {
        answer(sentence);
      }
      this._closed();
    };
    const send = button({
      className: 'jp-VNC-button',
      text: trans.__('Send'),
      onClick: () => done(input.value.trim())
    });
    const close = button({ className: 'jp-VNC-button', text: trans.__('Close'), onClick: () => done('') });
    input.addEventListener('keydown', event => {
      if (event.key === 'Enter' && !event.isComposing) {
        event.preventDefault();
        send.click();
      }
    });
    this._question = element('div', {
      className: 'jp-VNC-message jp-mod-warning jp-mod-question',
      children: [element('p', { className: 'jp-VNC-text', text: words }), input, send, close]
    });
    this._question.addEventListener('keydown', event => {
      // Lab's shortcuts and the page's stay away from what is typed here.
      event.stopPropagation();
      if (event.key === 'Escape') {
        done('');
      }
    });
    this.node.prepend(this._question);
  }

  private _keep(unread: readonly IMessage[]): void {
    this._unread = unread;
    this._inbox.write(unread);
  }

  private _unread: readonly IMessage[] = [];
  private _warning: HTMLElement | null = null;
  private _question: HTMLElement | null = null;
}

/**
 * Keep messages in a memory: text of somebody else's, for one desktop.
 *
 * @param memory - one that ends with the tab
 * @param name - of the desktop
 */
export function inboxIn(memory: IMemory, name: string): IInbox {
  const key = `messages:${name}`;
  return {
    read: () => parse(memory.get(key)),
    write: messages => memory.set(key, JSON.stringify(messages))
  };
}

/** What was kept may be of another version. */
function parse(text: string | null): IMessage[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(kept) ? kept.filter(isMessage) : [];
  } catch {
    return [];
  }
}

const isMessage = (one: unknown): one is IMessage => {
  const { kind, text, sender } = (one ?? {}) as Partial<IMessage>;
  const isText = typeof text === 'string' && typeof sender === 'string';
  return isText && (kind === 'message' || (kind === 'link' && isWebAddress(text)));
};
