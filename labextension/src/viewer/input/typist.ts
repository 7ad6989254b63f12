/**
 * Text as key presses: for programs that cannot paste, layouts that do not match, and input methods.
 */
import { type IClock, Timer } from '../ui/clock';
import type { IRFB } from '../engine/novnc';

/** So many characters at once (and a pause of so many milliseconds), so that slow programs keep up. */
const BATCH = 10;
const PAUSE = 20;

/** Characters that are keys of another name. */
const NAMED: Readonly<Record<string, number>> = { '\n': 0xff0d, '\t': 0xff09, '\b': 0xff08 };

/** The keysym of a character: Latin-1 as it is, the rest of Unicode with a mark (X11, appendix A). */
export function keysymOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  const isLatin = (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xff);
  return NAMED[character] ?? (isLatin ? code : 0x01000000 | code);
}

/** Press the key of each character. A code would make the desktop's layout decide, so there is none. */
export function press(rfb: IRFB, text: string): void {
  for (const character of text) {
    rfb.sendKey(keysymOf(character), '');
  }
}

/** Types a text bit by bit. */
export class Typist {
  constructor(clock: IClock) {
    this._timer = new Timer(clock);
  }

  /** Begin to type. What was not yet typed of a text before is dropped. */
  type(rfb: IRFB, text: string): void {
    const rest = [...text.replace(/\r\n?/g, '\n')];
    const next = (): void => {
      press(rfb, rest.splice(0, BATCH).join(''));
      if (rest.length > 0) {
        this._timer.set(next, PAUSE);
      }
    };
    this._timer.clear();
    next();
  }

  /** Type no more. */
  stop(): void {
    this._timer.clear();
  }

  private readonly _timer: Timer;
}
