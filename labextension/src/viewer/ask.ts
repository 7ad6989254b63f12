/**
 * Questions in front of a page: what is lost if you go on, and what you want to say.
 */
import { button, element } from './dom';
import type { ITranslate } from './text';

/** A question. */
export interface IQuestion {
  readonly title: string;
  /** What happens if the answer is yes. */
  readonly text?: string;
  /** The word on the button that does it. */
  readonly yes: string;
  /** Ask for a text of at most so many characters. */
  readonly longest?: number;
}

/**
 * Ask, and wait for the answer.
 *
 * @returns the text that was asked for, or an empty one; null when the reader would rather not
 */
export function ask(trans: ITranslate, question: IQuestion): Promise<string | null> {
  const { title, text, yes, longest } = question;
  const input = element('textarea', {
    attributes: { rows: '3', maxlength: String(longest), 'aria-label': title }
  });
  const accept = button({ className: 'jp-VNC-button jp-mod-accept', text: yes });
  const cancel = button({ className: 'jp-VNC-button', text: trans.__('Cancel') });
  const dialog = element('dialog', {
    className: 'jp-VNC-dialog',
    attributes: { 'aria-label': title },
    children: [
      element('h2', { text: title }),
      ...(text ? [element('p', { text })] : []),
      ...(longest ? [input] : []),
      element('div', { className: 'jp-VNC-buttons', children: [cancel, accept] })
    ]
  });
  document.body.append(dialog);
  dialog.showModal();
  // Not on the button that does it: the next space was meant for something else.
  (longest ? input : cancel).focus();
  return new Promise(resolve => {
    const end = (answer: string | null): void => {
      // Closing gives the focus back to where it came from.
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    accept.addEventListener('click', () =>
      longest && !input.value.trim() ? input.focus() : end(input.value.trim())
    );
    cancel.addEventListener('click', () => end(null));
    dialog.addEventListener('cancel', () => end(null));
  });
}
