/**
 * The panel with a text to type as key presses.
 */
import { button, element } from '../ui/dom';
import { type IPanel, panel } from './panel';
import type { ITranslate } from '../ui/i18n';

/** Longer texts are for the clipboard. */
export const LONGEST_TYPED = 10000;

/** The panel; its `node` goes into the viewer. */
export class TypingPanel implements IPanel {
  constructor(
    private readonly _trans: ITranslate,
    private readonly _type: (text: string) => void,
    closed: () => void
  ) {
    const label = _trans.__('Text to type');
    this._area = element('textarea', {
      attributes: { 'aria-label': label, rows: '5', spellcheck: 'false', autocomplete: 'off' }
    });
    this.node = panel(_trans, _trans.__('Type text'), closed, [
      element('p', {
        text: _trans.__('Each character is pressed as a key, whatever the layouts of the keyboards are.')
      }),
      this._area,
      button({
        className: 'jp-VNC-button jp-mod-accept',
        text: _trans.__('Type it'),
        onClick: () => this._send()
      }),
      this._note
    ]);
  }

  readonly node: HTMLElement;

  toggle(open: boolean, viewOnly: boolean): void {
    this.node.hidden = !open || viewOnly;
    if (!this.node.hidden) {
      this._note.textContent = '';
      this._area.focus();
    }
  }

  private _send(): void {
    const { value } = this._area;
    const isLong = [...value].length > LONGEST_TYPED;
    if (!isLong) {
      this._type(value);
    }
    this._note.textContent = isLong
      ? this._trans.__('This is too long to type: at most %1 characters.', String(LONGEST_TYPED))
      : this._trans.__('Typed.');
  }

  private readonly _area: HTMLTextAreaElement;
  private readonly _note = element('p', { className: 'jp-VNC-note', attributes: { role: 'status' } });
}
