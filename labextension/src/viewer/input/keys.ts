/**
 * Keys that a browser or an operating system keeps for itself, and modifiers that stay down.
 */
import type { IRFB } from '../engine/novnc';
import { keysymOf, KEYSYMS } from './keysyms';

/** One key: its X11 keysym and its `KeyboardEvent.code`. */
export interface IKey {
  readonly keysym: number;
  readonly code: string;
}

/** The keys that our combinations are made of. */
export const KEYS = {
  alt: { keysym: KEYSYMS.Alt, code: 'AltLeft' },
  control: { keysym: KEYSYMS.Control, code: 'ControlLeft' },
  delete: { keysym: KEYSYMS.Delete, code: 'Delete' },
  escape: { keysym: KEYSYMS.Escape, code: 'Escape' },
  n: { keysym: keysymOf('n'), code: 'KeyN' },
  print: { keysym: KEYSYMS.PrintScreen, code: 'PrintScreen' },
  shift: { keysym: KEYSYMS.Shift, code: 'ShiftLeft' },
  super: { keysym: KEYSYMS.Super, code: 'MetaLeft' },
  t: { keysym: keysymOf('t'), code: 'KeyT' },
  tab: { keysym: KEYSYMS.Tab, code: 'Tab' },
  w: { keysym: keysymOf('w'), code: 'KeyW' },
  f4: { keysym: KEYSYMS.F1 + 3, code: 'F4' }
} as const satisfies Record<string, IKey>;

/** One of F1 to F12. */
export function functionKey(number: number): IKey {
  return { keysym: KEYSYMS.F1 + number - 1, code: `F${number}` };
}

/** Combinations to send, by name. `caps` is what is printed on the keys, in every language. */
export const COMBINATIONS: Readonly<
  Record<string, { readonly caps: string; readonly keys: readonly IKey[] }>
> = {
  'ctrl-alt-del': { caps: 'Ctrl+Alt+Del', keys: [KEYS.control, KEYS.alt, KEYS.delete] },
  escape: { caps: 'Esc', keys: [KEYS.escape] },
  tab: { caps: 'Tab', keys: [KEYS.tab] },
  super: { caps: 'Super', keys: [KEYS.super] },
  print: { caps: 'Print', keys: [KEYS.print] },
  'ctrl-w': { caps: 'Ctrl+W', keys: [KEYS.control, KEYS.w] },
  'ctrl-t': { caps: 'Ctrl+T', keys: [KEYS.control, KEYS.t] },
  'ctrl-n': { caps: 'Ctrl+N', keys: [KEYS.control, KEYS.n] },
  'alt-tab': { caps: 'Alt+Tab', keys: [KEYS.alt, KEYS.tab] },
  'alt-f4': { caps: 'Alt+F4', keys: [KEYS.alt, KEYS.f4] },
  ...Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [
      `ctrl-alt-f${index + 1}`,
      { caps: `Ctrl+Alt+F${index + 1}`, keys: [KEYS.control, KEYS.alt, functionKey(index + 1)] }
    ])
  )
};

/** Press keys in order and let them go in reverse, as hands do. */
export function pressKeys(rfb: IRFB, keys: readonly IKey[]): void {
  for (const key of keys) {
    rfb.sendKey(key.keysym, key.code, true);
  }
  for (const key of [...keys].reverse()) {
    rfb.sendKey(key.keysym, key.code, false);
  }
}

/** A modifier that can be held down. */
export type Modifier = 'control' | 'alt' | 'shift' | 'super';

/** Modifiers that are held down for the reader until they are let go, or the connection ends. */
export class HeldModifiers {
  /** Whether any is held. */
  get any(): boolean {
    return this._held.size > 0;
  }

  /** Whether one is held. */
  has(modifier: Modifier): boolean {
    return this._held.has(modifier);
  }

  /** Press it, or let it go. */
  toggle(rfb: IRFB, modifier: Modifier): void {
    const down = !this._held.has(modifier);
    const { keysym, code } = KEYS[modifier];
    rfb.sendKey(keysym, code, down);
    if (down) {
      this._held.add(modifier);
    } else {
      this._held.delete(modifier);
    }
  }

  /** Let all go; without a connection the desktop has let go already. */
  release(rfb: IRFB | null): void {
    for (const modifier of rfb ? [...this._held] : []) {
      this.toggle(rfb!, modifier);
    }
    this._held.clear();
  }

  private readonly _held = new Set<Modifier>();
}
