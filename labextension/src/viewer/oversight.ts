/**
 * Nobody watches without the reader having been told that they may.
 */
import { type IOverseen, overseenWords, wallWords } from './connection/notices';
import type { IViewerOptions } from './options';
import type { Stage } from './screen/stage';
import { Timer } from './ui/clock';

/** So long after the server has said so the reader is told who may look (milliseconds). */
const OVERSEEN_AFTER = 6000;

/** What the reader is told of those who may look, once in a tab of the browser. */
export class Oversight {
  constructor(
    private readonly _options: IViewerOptions,
    private readonly _stage: Stage
  ) {
    this._telling = new Timer(_options.clock);
    this._wallTelling = new Timer(_options.clock);
  }

  /** The server says who sees this session. */
  take(note: IOverseen): void {
    const { trans, memory, tabMemory = memory } = this._options;
    this._stage.oversight = note.hands ? overseenWords(trans, note) : '';
    if (note.hands && tabMemory.get('overseen') !== String(note.looks)) {
      // Not before the first picture and what is said with it, which would take its place.
      const tell = (): void => {
        if (this._stage.hint.shown) {
          this._telling.set(tell, OVERSEEN_AFTER); // whoever looks by now matters more
          return;
        }
        tabMemory.set('overseen', String(note.looks));
        this._stage.tell(this._stage.oversight);
      };
      this._telling.set(tell, OVERSEEN_AFTER);
    }
  }

  /** A wall wants pictures; one that is opened again is no news. */
  tellOfWall(isOn: () => boolean, after = 0): void {
    // Not in the place of what is said of something else at this moment.
    this._wallTelling.set(() => {
      if (this._wallTold || !isOn()) {
        return;
      }
      if (this._stage.hint.shown) {
        this.tellOfWall(isOn, OVERSEEN_AFTER);
      } else {
        this._wallTold = true;
        this._stage.tell(wallWords(this._options.trans));
      }
    }, after);
  }

  /** What was said in a connection ends with it. */
  forget(): void {
    this.dispose();
    this._stage.oversight = '';
  }

  /** Leave nothing behind. */
  dispose(): void {
    this._telling.clear();
    this._wallTelling.clear();
  }

  private readonly _telling: Timer;
  private readonly _wallTelling: Timer;
  private _wallTold = false;
}
