/**
 * Keysyms, as in X11's `keysymdef.h`.
 */

/** Keys that make no character, by `KeyboardEvent.key`. */
export const KEYSYMS = {
  Backspace: 0xff08,
  Tab: 0xff09,
  Enter: 0xff0d,
  Escape: 0xff1b,
  Home: 0xff50,
  ArrowLeft: 0xff51,
  ArrowUp: 0xff52,
  ArrowRight: 0xff53,
  ArrowDown: 0xff54,
  PageUp: 0xff55,
  PageDown: 0xff56,
  End: 0xff57,
  PrintScreen: 0xff61,
  F1: 0xffbe,
  Shift: 0xffe1,
  Control: 0xffe3,
  Alt: 0xffe9,
  Super: 0xffeb,
  Delete: 0xffff
} as const;

/** Characters that are keys of another name. */
const CONTROLS: Readonly<Record<string, number>> = {
  '\n': KEYSYMS.Enter,
  '\t': KEYSYMS.Tab,
  '\b': KEYSYMS.Backspace
};

/** The keysym of a character: Latin-1 as it is, the rest of Unicode with a mark (X11, appendix A). */
export function keysymOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  const isLatin = (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xff);
  return CONTROLS[character] ?? (isLatin ? code : 0x01000000 | code);
}
