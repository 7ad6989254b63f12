/**
 * That somebody holds the reader's input: who, why, and a sentence of theirs. The server holds it; this only says so.
 */
import { element } from '../ui/dom';
import type { IHeld } from '../connection/notices';
import type { ITranslate } from '../ui/i18n';

/** A line over the desktop for as long as its input is held. */
export class HeldSign {
  constructor(private readonly _trans: ITranslate) {
    this.show(null);
  }

  /** The element to show. Screen readers say what comes. */
  readonly node = element('div', {
    className: 'jp-VNC-held',
    attributes: { role: 'status', 'aria-live': 'assertive' }
  });

  /** The server says how it is; null without a connection. */
  show(said: IHeld | null): void {
    const trans = this._trans;
    this.node.hidden = !said || said.by === null;
    if (!said || said.by === null) {
      this.node.replaceChildren();
      return;
    }
    const who =
      said.why === 'control'
        ? trans.__('%1 is working at this desktop.', said.by)
        : trans.__('%1 asks for your attention.', said.by);
    this.node.replaceChildren(
      element('p', { className: 'jp-VNC-sender', text: who }),
      ...(said.text ? [element('p', { className: 'jp-VNC-text', text: said.text })] : []),
      element('p', { text: trans.__('Keyboard and mouse are paused.') })
    );
  }
}
