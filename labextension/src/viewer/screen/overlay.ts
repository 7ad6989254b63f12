/**
 * What lies over the desktop while it is not there: one sentence and its buttons.
 */
import { type IClock, PICTURE_FIRST, Timer } from '../ui/clock';
import type { IStatus } from '../connection/connection';
import { button, element } from '../ui/dom';
import { IN_LINE, type Phase, type Remedy, remedies } from '../connection/status';
import type { INews } from '../connection/startup';
import type { ITranslate } from '../ui/i18n';

/** The phases in which something is under way. */
const PROGRESS: readonly Phase[] = ['asking', 'connecting', 'starting'];

/** The class of an overlay that is there and not drawn. */
const QUIET = 'jp-mod-quiet';

/** What the buttons do. */
export interface IOverlayActions {
  /** The reader wants what the button says. */
  remedy(remedy: Remedy): void;
  /** The reader wants it to stop. */
  stop(): void;
}

/** The overlay; its `node` goes into the viewer. */
export class Overlay {
  constructor(
    private readonly _trans: ITranslate,
    private readonly _actions: IOverlayActions,
    clock: IClock,
    logPage?: string
  ) {
    this._quiet = new Timer(clock);
    this._labels = remedies(_trans);
    this._log.setAttribute('aria-label', _trans.__('The end of its log'));
    this._whole.textContent = _trans.__('The whole log');
    this._whole.href = logPage ?? '';
    const summary = element('summary', { text: _trans.__('Show the end of its log') });
    this._more.append(summary, this._log, this._whole);
    // What happened last matters most.
    this._more.addEventListener('toggle', () => {
      this._log.scrollTop = this._log.scrollHeight;
    });
    const parts = [this._spinner, this._sentence, this._detail, this._countdown, this._buttons];
    this._card.append(...parts, this._more);
    this.node.append(this._card);
  }

  /** The element to show. */
  readonly node = element('div', { className: 'jp-VNC-overlay' });

  /**
   * Show a situation. The first connection is not told of while it is as quick as a blink.
   *
   * @param status - the situation
   * @param countdown - seconds until the next attempt, when one is planned
   */
  show(status: IStatus, countdown: number): void {
    this._countdown.hidden = status.phase !== 'waiting';
    this._countdown.textContent =
      status.phase === 'waiting' ? this._trans.__('Reconnecting in %1 s.', String(countdown)) : '';
    if (status !== this._shown) {
      this._shown = status;
      this._render(status);
      this._hush(PROGRESS.includes(status.phase));
    }
  }

  /** Add what is known of a desktop's start to the situation that is shown. */
  explain({ message, log }: INews): void {
    if (message !== '') {
      this._say(message);
    }
    this._log.textContent = log;
    this._more.hidden = this._log.hidden = this._whole.hidden = log === '';
  }

  /**
   * Give the focus to the main button, so that a keyboard user whose desktop went away is somewhere.
   *
   * Where nothing is drawn yet, the viewer has it for so long. Not to one that disconnects somebody else, or starts a
   * desktop anew that has ended: somebody who is typing would press it with the next space.
   */
  focus(): void {
    if (this.node.classList.contains(QUIET)) {
      this.node.parentElement?.focus();
      return;
    }
    const { phase, remedy } = this._shown ?? {};
    const risky = phase === 'stopped' && (remedy === 'takeover' || remedy === 'connect');
    (risky ? this._card : this._buttons.querySelector('button'))?.focus();
  }

  /** Leave no timer. */
  dispose(): void {
    this._quiet.clear();
  }

  /** What would be gone before it is read is not drawn: drawing it would delay the picture. */
  private _hush(underWay: boolean): void {
    if (underWay && this._fresh) {
      this._fresh = false;
      this.node.classList.add(QUIET);
      this._quiet.set(() => this._speak(), PICTURE_FIRST);
    } else if (!underWay) {
      this._quiet.clear();
      this._speak();
    }
  }

  /** Be drawn again, and take the focus that waited next door. */
  private _speak(): void {
    this.node.classList.remove(QUIET);
    if (!this.node.hidden && this.node.parentElement === document.activeElement) {
      this.focus();
    }
  }

  private _render(status: IStatus): void {
    this.node.hidden = status.phase === 'connected';
    this._spinner.hidden = !PROGRESS.includes(status.phase);
    this._sentence.textContent = status.sentence;
    this._say(status.detail);
    this.explain({ message: '', log: '' });
    this._more.open = false;
    const hadFocus = this._buttons.contains(document.activeElement);
    this._buttons.replaceChildren(...this._buttonsFor(status));
    if (hadFocus) {
      this.focus();
    }
  }

  private _say(detail: string): void {
    this._detail.textContent = detail;
    this._detail.hidden = detail === '';
  }

  private _buttonsFor(status: IStatus): HTMLButtonElement[] {
    const { remedy } = status;
    const stop = { onClick: () => this._actions.stop(), className: 'jp-VNC-button' };
    if (remedy === null) {
      const word = status.state === IN_LINE ? this._trans.__('Stop waiting') : this._trans.__('Cancel');
      return status.phase === 'connected' ? [] : [button({ ...stop, text: word })];
    }
    const first = button({
      className: 'jp-VNC-button jp-mod-accept',
      text: status.phase === 'idle' ? this._trans.__('Connect') : this._labels[remedy],
      onClick: () => this._actions.remedy(remedy)
    });
    if (remedy === 'oust') {
      // Nobody is disconnected by a key that was meant for something else: the harmless button comes first.
      const again = { text: this._labels.again, onClick: () => this._actions.remedy('again') };
      return [button({ ...again, className: 'jp-VNC-button' }), first];
    }
    return status.phase === 'waiting' ? [first, button({ ...stop, text: this._trans.__('Stop') })] : [first];
  }

  private readonly _quiet: Timer;
  private _fresh = true;
  private readonly _labels: Record<Remedy, string>;
  private readonly _card = element('div', { className: 'jp-VNC-card', attributes: { tabindex: '-1' } });
  private readonly _spinner = element('div', {
    className: 'jp-VNC-spinner',
    attributes: { 'aria-hidden': 'true' }
  });
  private readonly _sentence = element('p', { className: 'jp-VNC-sentence' });
  private readonly _detail = element('p', { className: 'jp-VNC-detail' });
  /** A log has a lot in it that is not the reason: it is there for those who ask. */
  private readonly _more = element('details', { className: 'jp-VNC-more' });
  private readonly _log = element('pre', {
    className: 'jp-VNC-log',
    attributes: { tabindex: '0', role: 'region' }
  });
  private readonly _whole = element('a', {
    className: 'jp-VNC-link',
    attributes: { target: '_blank', rel: 'noopener' }
  });
  private readonly _countdown = element('p', { className: 'jp-VNC-countdown' });
  private readonly _buttons = element('div', { className: 'jp-VNC-buttons' });
  private _shown: IStatus | null = null;
}
