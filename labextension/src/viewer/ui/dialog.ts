/**
 * Questions in front of a page: what is lost if you go on, and what you want to say.
 */
import { button, element } from './dom';
import type { ITranslate } from './i18n';

/** A question. */
export interface IQuestion {
  readonly title: string;
  /** What happens if the answer is yes. */
  readonly text?: string;
  /** The word on the button that does it. */
  readonly yes: string;
  /** Ask for a text of at most so many characters. */
  readonly longest?: number;
  /** What is wrong with that text, as a sentence; empty if nothing is. What is wrong can be changed in the dialog. */
  readonly check?: (text: string) => string;
  /** Whether that may be left empty. */
  readonly optional?: boolean;
}

/**
 * Ask, and wait for the answer.
 *
 * @returns the text that was asked for, or an empty one; null when the reader would rather not
 */
export function ask(trans: ITranslate, question: IQuestion): Promise<string | null> {
  const { title, text, yes, longest, check, optional = false } = question;
  const input = element('textarea', {
    attributes: { rows: '3', maxlength: String(longest), 'aria-label': title }
  });
  const wrong = element('p', { className: 'jp-VNC-wrong', attributes: { role: 'alert' } });
  const accept = button({ className: 'jp-VNC-button jp-mod-accept', text: yes });
  const cancel = button({ className: 'jp-VNC-button', text: trans.__('Cancel') });
  return new Promise(resolve => {
    const close = open(title, text, longest ? [input, wrong] : [], [cancel, accept], () => resolve(null));
    input.addEventListener('keydown', event => {
      // As in chats; while an input method is at work, Enter is its own.
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        accept.click();
      }
    });
    accept.addEventListener('click', () => {
      const said = input.value.trim();
      wrong.textContent = (said && check?.(said)) || '';
      if (longest && ((!said && !optional) || wrong.textContent)) {
        input.focus();
      } else {
        close();
        resolve(said);
      }
    });
  });
}

/** Say something that must not be missed, and wait until it is read. */
export function tell(trans: ITranslate, title: string, text: string): Promise<void> {
  const read = button({ className: 'jp-VNC-button', text: trans.__('Close') });
  return new Promise(resolve => open(title, text, [], [read], resolve));
}

/**
 * Open a dialog; its first part has the focus, so that nothing is done by a key that was meant for something else.
 *
 * @param left - told when the reader leaves it by its first button or by Escape
 * @returns closes it
 */
function open(
  title: string,
  text: string | undefined,
  parts: readonly HTMLElement[],
  buttons: readonly HTMLElement[],
  left: () => void
): () => void {
  const dialog = element('dialog', {
    className: 'jp-VNC-dialog',
    attributes: { 'aria-label': title },
    children: [
      element('h2', { text: title }),
      ...(text ? [element('p', { text })] : []),
      ...parts,
      element('div', { className: 'jp-VNC-buttons', children: buttons })
    ]
  });
  const close = (): void => {
    // Closing gives the focus back to where it came from.
    dialog.close();
    dialog.remove();
  };
  const leave = (): void => {
    close();
    left();
  };
  buttons[0]?.addEventListener('click', leave);
  dialog.addEventListener('cancel', leave);
  document.body.append(dialog);
  dialog.showModal();
  (parts[0] ?? buttons[0])?.focus();
  return close;
}
