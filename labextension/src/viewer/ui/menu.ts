/**
 * A small menu below a button, for the toolbars of both hosts.
 */
import { button, element } from './dom';

/** One line of a menu. */
export interface IMenuItem {
  readonly label: string;
  /** Set for a choice among others, or a switch: whether it is on. */
  readonly checked?: boolean;
  /** `radio` for one choice among others, `checkbox` for a switch. */
  readonly kind?: 'radio' | 'checkbox';
  readonly enabled?: boolean;
  /** Whether a line is drawn above it. */
  readonly separated?: boolean;
  /** Whether it is narrow, to stand beside its like. */
  readonly compact?: boolean;
  readonly run: () => void;
}

/** Open a menu; only one is open at a time. Returns what closes it. */
export function openMenu(anchor: HTMLElement, label: string, items: readonly IMenuItem[]): () => void {
  const menu = new Menu(anchor, label, items);
  menu.open();
  return () => menu.close(false);
}

/** Which item a key leads to, from the present one, of so many. */
const MOVES: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  ArrowLeft: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_, count) => count - 1
};

class Menu {
  constructor(
    private readonly _anchor: HTMLElement,
    label: string,
    items: readonly IMenuItem[]
  ) {
    this._node = element('div', {
      className: 'jp-VNC-menu',
      attributes: { role: 'menu', 'aria-label': label, tabindex: '-1' },
      children: items.flatMap(item => [...(item.separated ? [separator()] : []), this._item(item)])
    });
  }

  open(): void {
    // Inside a full-screen element nothing else is visible.
    (document.fullscreenElement ?? document.body).append(this._node);
    this._place();
    const { signal } = this._listening;
    this._node.addEventListener('keydown', event => this._keyDown(event), { signal });
    document.addEventListener('pointerdown', event => this._pointerDown(event), { signal, capture: true });
    window.addEventListener('resize', () => this.close(false), { signal });
    window.addEventListener('blur', () => this.close(false), { signal });
    this._anchor.setAttribute('aria-expanded', 'true');
    this._buttons[0]?.focus();
  }

  close(returnFocus: boolean): void {
    this._listening.abort();
    this._node.remove();
    this._anchor.setAttribute('aria-expanded', 'false');
    if (returnFocus) {
      this._anchor.focus();
    }
  }

  private get _buttons(): HTMLButtonElement[] {
    return [...this._node.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')];
  }

  private _item(item: IMenuItem): HTMLElement {
    const { kind, checked } = item;
    const line = button({
      className: item.compact ? 'jp-VNC-menuItem jp-mod-compact' : 'jp-VNC-menuItem',
      text: item.label,
      attributes: {
        role: kind ? `menuitem${kind}` : 'menuitem',
        tabindex: '-1',
        ...(kind ? { 'aria-checked': String(checked === true) } : {})
      },
      onClick: () => {
        this.close(true);
        item.run();
      }
    });
    line.disabled = item.enabled === false;
    return line;
  }

  /** Below the button, moved to stay inside the window. */
  private _place(): void {
    const anchor = this._anchor.getBoundingClientRect();
    const left = Math.min(anchor.left, window.innerWidth - this._node.offsetWidth - 4);
    this._node.style.left = `${Math.max(4, left)}px`;
    this._node.style.top = `${anchor.bottom + 2}px`;
    this._node.style.maxHeight = `${Math.max(120, window.innerHeight - anchor.bottom - 8)}px`;
  }

  private _keyDown(event: KeyboardEvent): void {
    const buttons = this._buttons;
    const move = MOVES[event.key];
    event.stopPropagation();
    if (move) {
      event.preventDefault();
      buttons[move(buttons.indexOf(document.activeElement as HTMLButtonElement), buttons.length)]?.focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      this.close(true);
    }
  }

  private _pointerDown(event: PointerEvent): void {
    if (!this._node.contains(event.target as Node)) {
      // A press on the button itself closes the menu; the click that follows must not open it again.
      if (this._anchor.contains(event.target as Node)) {
        this._anchor.addEventListener('click', stop, { capture: true, once: true });
      }
      this.close(false);
    }
  }

  private readonly _listening = new AbortController();
  private readonly _node: HTMLElement;
}

function separator(): HTMLElement {
  return element('div', { className: 'jp-VNC-menuSeparator', attributes: { role: 'separator' } });
}

function stop(event: Event): void {
  event.preventDefault();
  event.stopImmediatePropagation();
}
