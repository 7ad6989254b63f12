/**
 * A sentence that shows for some seconds and goes by itself.
 */
import { type IClock, Timer } from '../ui/clock';
import { element } from '../ui/dom';

/** How long a hint stays (milliseconds). */
const HINT_TIME = 5000;

/** The hint; its `node` goes into the viewer. What it says stands elsewhere for screen readers. */
export class Hint {
  constructor(clock: IClock) {
    this._timer = new Timer(clock);
  }

  /** The element to show. */
  readonly node = element('div', {
    className: 'jp-VNC-hint',
    attributes: { 'aria-hidden': 'true', hidden: '' }
  });

  /** Whether a sentence is shown. */
  get shown(): boolean {
    return !this.node.hidden;
  }

  /** Show a sentence in place of what is shown. */
  show(sentence: string): void {
    this.node.textContent = sentence;
    this.node.hidden = false;
    this._timer.set(() => this.hide(), HINT_TIME);
  }

  /** Hide it before its time. */
  hide(): void {
    this._timer.clear();
    this.node.hidden = true;
  }

  /** Leave no timer. */
  dispose(): void {
    this._timer.clear();
  }

  private readonly _timer: Timer;
}
