/**
 * A line to type into: it brings up the keyboard of a phone, and lets an input method compose.
 *
 * noVNC reads keys from its canvas, for which a browser neither shows a keyboard nor starts an input method.
 */
import { button, element } from '../ui/dom';
import type { Hands } from '../input/remote-input';
import { type IKey, KEYS, type Modifier, pressKeys } from '../input/keys';
import type { IRFB } from '../engine/novnc';
import type { IPanel } from './panel';
import type { ITranslate } from '../ui/i18n';
import { keysymOf, KEYSYMS } from '../input/keysyms';
import { press } from '../input/typist';

/** What stands in the line, so that a keyboard without key events has something to delete. */
const FILLER = '\u00a0'.repeat(16);

/** Keys of the reader's that make no text and are pressed as they are, by `KeyboardEvent.key`. */
const NAMED: Readonly<Record<string, number>> = Object.fromEntries(
  (
    [
      ...['Enter', 'Backspace', 'Tab', 'Delete', 'Home', 'End', 'PageUp', 'PageDown'],
      ...['ArrowLeft', 'ArrowUp', 'ArrowRight', 'ArrowDown']
    ] as (keyof typeof KEYSYMS)[]
  ).map(key => [key, KEYSYMS[key]])
);

/** What the line needs of a viewer. */
export interface IKeyboardOptions {
  readonly trans: ITranslate;
  readonly rfb: () => IRFB | null;
  readonly hands: Hands;
  readonly closed: () => void;
}

/** The line and its keys; its `node` goes below the desktop. */
export class KeyboardBar implements IPanel {
  constructor(private readonly _options: IKeyboardOptions) {
    const { trans, closed } = _options;
    this._line = element('input', {
      attributes: {
        type: 'text',
        'aria-label': trans.__('Keys for the desktop'),
        autocapitalize: 'off',
        autocomplete: 'off',
        autocorrect: 'off',
        spellcheck: 'false'
      }
    });
    const close = trans.__('Close');
    this.node = element('div', {
      className: 'jp-VNC-keyboard',
      attributes: { role: 'group', 'aria-label': trans.__('Keyboard') },
      children: [
        this._line,
        ...this._modifiers(),
        this._key('Esc', KEYS.escape),
        this._key('Tab', KEYS.tab),
        button({
          className: 'jp-VNC-close',
          text: '×',
          attributes: { 'aria-label': close, title: close },
          onClick: closed
        })
      ]
    });
    this.node.hidden = true;
    this._listen();
  }

  readonly node: HTMLElement;

  toggle(open: boolean, viewOnly: boolean): void {
    this.node.hidden = !open || viewOnly;
    this._empty();
    this.update();
    if (!this.node.hidden) {
      this._line.focus();
    }
  }

  /** Take the focus. */
  focus(): void {
    this._line.focus();
  }

  /** Show which modifiers are held. */
  update(): void {
    for (const [modifier, node] of this._held) {
      node.setAttribute('aria-pressed', String(this._options.hands.isHeld(modifier)));
    }
  }

  private _listen(): void {
    this._line.addEventListener('keydown', event => this._keyDown(event));
    this._line.addEventListener('input', event => {
      if (!(event as InputEvent).isComposing) {
        this._read();
      }
    });
    this._line.addEventListener('compositionend', () => this._read());
    this.node.addEventListener('keydown', event => event.stopPropagation());
  }

  private _modifiers(): HTMLElement[] {
    const caps: [Modifier, string][] = [
      ['control', 'Ctrl'],
      ['alt', 'Alt'],
      ['shift', 'Shift'],
      ['super', 'Super']
    ];
    return caps.map(([modifier, text]) => {
      const node = this._button(text, () => this._options.hands.toggleHeld(modifier));
      this._held.set(modifier, node);
      return node;
    });
  }

  private _key(text: string, key: IKey): HTMLElement {
    return this._button(text, () => this._press(key));
  }

  private _button(text: string, run: () => void): HTMLButtonElement {
    const node = button({
      className: 'jp-VNC-key',
      text,
      onClick: () => {
        run();
        this._line.focus();
      }
    });
    return node;
  }

  private _press(...keys: IKey[]): void {
    const rfb = this._options.rfb();
    if (rfb) {
      pressKeys(rfb, keys);
    }
  }

  private _keyDown(event: KeyboardEvent): void {
    const isShortcut = (event.ctrlKey || event.metaKey) && !event.getModifierState('AltGraph');
    const keysym =
      NAMED[event.key] ?? (isShortcut && event.key.length === 1 ? keysymOf(event.key) : undefined);
    if (event.isComposing || keysym === undefined) {
      return;
    }
    event.preventDefault();
    this._press(
      ...(event.ctrlKey ? [KEYS.control] : []),
      ...(event.altKey ? [KEYS.alt] : []),
      ...(event.shiftKey ? [KEYS.shift] : []),
      ...(event.metaKey ? [KEYS.super] : []),
      { keysym, code: event.code }
    );
  }

  /** Send what is new in the line; less than the filler means that characters were deleted. */
  private _read(): void {
    const rfb = this._options.rfb();
    const { value } = this._line;
    const missing = Math.max(0, FILLER.length - value.length);
    if (rfb) {
      press(rfb, missing > 0 ? '\b'.repeat(missing) : value.replace(/^\u00a0+/, ''));
    }
    this._empty();
  }

  private _empty(): void {
    this._line.value = FILLER;
    this._line.setSelectionRange?.(FILLER.length, FILLER.length);
  }

  private readonly _line: HTMLInputElement;
  private readonly _held = new Map<Modifier, HTMLElement>();
}
