/**
 * The toolbar of the standalone page. JupyterLab renders the same actions in its own toolbar.
 */
import { createActions, type IAction, type IActionable } from './actions';
import { button, drawing, element } from '../ui/dom';
import type { Emitter } from '../ui/emitter';
import { KEYBOARD, MORE } from './icons';
import { type IMenuItem, openMenu } from '../ui/menu';
import { shortStatus } from '../connection/status';
import type { IStatus } from '../connection/connection';
import type { ITranslate } from '../ui/i18n';
import type { ISample } from '../quality/meter';

/** What the toolbar shows of a viewer. */
export interface IShown extends IActionable {
  readonly status: IStatus;
  /** Whether the desktop gets the keys. */
  readonly captured: boolean;
  /** Emits whenever anything of this has changed, but for what is measured. */
  readonly changed: Pick<Emitter<void>, 'on'>;
  readonly extras: IActionable['extras'] & {
    readonly quality: {
      /** What was measured last; null when nothing is. */
      readonly sample: ISample | null;
      readonly sampled: Pick<Emitter<ISample | null>, 'on'>;
    };
  };
}

/** A toolbar for one viewer; its `node` goes above the viewer. */
export class PageToolbar {
  constructor(
    private readonly _viewer: IShown,
    private readonly _trans: ITranslate,
    lead: readonly Node[]
  ) {
    this._actions = createActions(_trans).map(action => ({ action, node: this._button(action) }));
    const label = _trans.__('More');
    this._more = button({
      className: 'jp-VNC-tool',
      attributes: { 'aria-label': label, title: label, 'aria-haspopup': 'menu', 'aria-expanded': 'false' },
      children: [drawing(MORE)],
      onClick: () => openMenu(this._more, label, this._rest())
    });
    this._tools = element('div', {
      className: 'jp-VNC-tools',
      children: [...this._actions.map(({ node }) => node), this._more]
    });
    this.node = element('div', {
      className: 'jp-VNC-toolbar',
      attributes: { role: 'toolbar', 'aria-label': _trans.__('Desktop') },
      children: [...lead, this._state, this._delay, this._keys, this._tools]
    });
    this._observer.observe(this.node);
    this._keys.append(drawing(KEYBOARD), 'Ctrl+Alt+Shift');
    this._keys.title = _trans.__('Keys go to the desktop. Press Ctrl+Alt+Shift to get them back.');
    const stops = [
      _viewer.changed.on(() => this._update()),
      _viewer.extras.quality.sampled.on(() => this._measured())
    ];
    this._stop = () => stops.forEach(stop => stop());
    this._measured();
    this._update();
  }

  /** The element to show. */
  readonly node: HTMLElement;

  /** Put the focus on the first button. */
  focus(): void {
    this._tools.querySelector<HTMLElement>('button:not([hidden])')?.focus();
  }

  /** Stop watching. */
  dispose(): void {
    this._stop();
    this._observer.disconnect();
    this.node.remove();
  }

  private _button(action: IAction): HTMLButtonElement {
    const node = button({
      className: 'jp-VNC-tool',
      attributes: {
        'data-action': action.id,
        ...(action.items ? { 'aria-haspopup': 'menu', 'aria-expanded': 'false' } : {})
      },
      onClick: () =>
        action.items
          ? openMenu(node, action.label(this._viewer), action.items(this._viewer))
          : action.run?.(this._viewer)
    });
    return node;
  }

  private _update(): void {
    const viewer = this._viewer;
    this._state.textContent = shortStatus(this._trans, viewer.status, viewer.viewOnly);
    this._state.dataset.phase = viewer.status.phase;
    this._keys.hidden = !viewer.captured;
    for (const { action, node } of this._actions) {
      const label = action.label(viewer);
      node.setAttribute('aria-label', label);
      node.title = label;
      this._draw(node, action.icon(viewer), action.text?.(viewer) ?? '');
      node.disabled = !action.isEnabled(viewer);
      if (action.isPressed) {
        node.setAttribute('aria-pressed', String(action.isPressed(viewer)));
      }
    }
    this._layOut();
  }

  private _measured(): void {
    const delay = this._viewer.extras.quality.sample?.delay ?? null;
    this._delay.hidden = delay === null;
    this._delay.textContent = delay === null ? '' : `${Math.round(delay)} ms`;
    this._delay.title = delay === null ? '' : this._trans.__('answers in %1 ms', String(Math.round(delay)));
    this._layOut();
  }

  /** Redraw only what changed: a press is lost when its drawing is replaced before the release. */
  private _draw(node: HTMLButtonElement, svg: string, text: string): void {
    if (this._drawn.get(node) !== svg + text) {
      this._drawn.set(node, svg + text);
      node.replaceChildren(
        drawing(svg),
        ...(text ? [element('span', { className: 'jp-VNC-word', text })] : [])
      );
    }
  }

  /** Show as many buttons as there is room for; the others go into a menu. */
  private _layOut(): void {
    const wanted = this._actions.filter(({ action }) => action.isVisible?.(this._viewer) ?? true);
    for (const { action, node } of this._actions) {
      node.hidden = !(action.isVisible?.(this._viewer) ?? true);
    }
    this._more.hidden = true;
    this._hidden = [];
    while (this._overflows() && wanted.length > 0) {
      const last = wanted.pop()!;
      last.node.hidden = true;
      this._hidden.unshift(last.action);
      this._more.hidden = false;
    }
  }

  private _overflows(): boolean {
    return this.node.scrollWidth > this.node.clientWidth;
  }

  /** The actions without a button, as a menu; the menu of one of them opens in the place of this one. */
  private _rest(): IMenuItem[] {
    return this._hidden.map(action => ({
      label: action.label(this._viewer),
      enabled: action.isEnabled(this._viewer),
      ...(action.isPressed ? { kind: 'checkbox' as const, checked: action.isPressed(this._viewer) } : {}),
      run: () =>
        action.items
          ? openMenu(this._more, action.label(this._viewer), action.items(this._viewer))
          : action.run?.(this._viewer)
    }));
  }

  private readonly _state = element('span', { className: 'jp-VNC-state' });
  private readonly _delay = element('span', { className: 'jp-VNC-delay' });
  private readonly _keys = element('span', { className: 'jp-VNC-keys' });
  private readonly _observer = new ResizeObserver(() => this._layOut());
  private readonly _actions: { action: IAction; node: HTMLButtonElement }[];
  private readonly _drawn = new Map<HTMLButtonElement, string>();
  private readonly _more: HTMLButtonElement;
  private readonly _tools: HTMLElement;
  private readonly _stop: () => void;
  private _hidden: IAction[] = [];
}
