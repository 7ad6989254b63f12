/**
 * Panels over the desktop, of which one is open at a time.
 */
import { button, element } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';

/** The panels by name. */
export type PanelName = 'clipboard' | 'settings' | 'typing' | 'keyboard' | 'share';

/** What opens and closes. */
export interface IPanel {
  readonly node: HTMLElement;
  /** Show it for a session, or hide it. */
  toggle(open: boolean, viewOnly: boolean): void;
}

/** Make the frame of a panel: a heading, a button to close it, and what is in it. */
export function panel(
  trans: ITranslate,
  title: string,
  closed: () => void,
  children: readonly Node[]
): HTMLElement {
  const close = trans.__('Close');
  const header = element('header', {
    children: [
      element('h2', { text: title }),
      button({
        className: 'jp-VNC-close',
        text: '×',
        attributes: { 'aria-label': close, title: close },
        onClick: closed
      })
    ]
  });
  const node = element('section', {
    className: 'jp-VNC-panel',
    attributes: { 'aria-label': title },
    children: [header, ...children]
  });
  node.hidden = true;
  node.addEventListener('keydown', event => {
    // Lab's shortcuts and the page's stay away from what is typed here.
    event.stopPropagation();
    if (event.key === 'Escape') {
      closed();
    }
  });
  return node;
}

/** All panels of a viewer. Most readers open none of them, so each is made when it is opened. */
export class Panels {
  /**
   * @param _makers - makes each panel, once
   * @param _place - puts a panel's element where it is seen
   */
  constructor(
    private readonly _makers: Readonly<Record<PanelName, () => IPanel>>,
    private readonly _place: (node: HTMLElement) => void
  ) {}

  /** Whether a panel is shown. */
  isOpen(name: PanelName): boolean {
    return this._made.get(name)?.node.hidden === false;
  }

  /** Open one and close the others, or close it. */
  toggle(name: PanelName, viewOnly: boolean): void {
    const open = !this.isOpen(name);
    this.close(viewOnly);
    if (open) {
      this._make(name).toggle(true, viewOnly);
    }
  }

  /** Close whatever is open. */
  close(viewOnly: boolean): void {
    this._made.forEach(one => one.toggle(false, viewOnly));
  }

  private _make(name: PanelName): IPanel {
    const made = this._made.get(name) ?? this._makers[name]();
    if (!this._made.has(name)) {
      this._made.set(name, made);
      this._place(made.node);
    }
    return made;
  }

  private readonly _made = new Map<PanelName, IPanel>();
}
