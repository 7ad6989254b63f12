/**
 * Text as key presses: for programs that cannot paste, layouts that do not match, and input methods.
 */
import { type IClock, Timer } from '../ui/clock';
import type { IRFB } from '../engine/novnc';
import { keysymOf } from './keysyms';

/** So many characters at once (and a pause of so many milliseconds), so that slow programs keep up. */
const BATCH = 10;
const PAUSE = 20;

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
