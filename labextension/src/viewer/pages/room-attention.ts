/**
 * Attention: an instructor holds the input of those whom the room shows, for as long as this page is open. The server
 * forgets it unless it is asked again and again.
 */
import { browserClock, type IClock, Timer } from '../ui/clock';
import { button, element } from '../ui/dom';
import { type IPerson, isHere } from './room-rows';
import type { IAttentionAnswer, IDesktopOf, RoomServer } from './room-server';
import type { IDeed } from './room-crowd';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';

/** How often the server is asked (milliseconds). */
export const BEAT = 5000;

/** The longest sentence (characters); the server has the same limit. */
const LONGEST_SENTENCE = 300;

/** Those whose input is held. */
export class Attention {
  /**
   * @param _node - says how many there are, and has the button that ends it
   */
  constructor(
    private readonly _node: HTMLElement,
    private readonly _server: Pick<RoomServer, 'attention' | 'sentence'>,
    private readonly _trans: ITranslate,
    clock: IClock = browserClock
  ) {
    this._timer = new Timer(clock);
    const resume = button({ className: 'jp-VNC-button', text: _trans.__('Resume') });
    resume.addEventListener('click', () => unattended(this.resume()));
    _node.hidden = true;
    _node.append(this._words, resume);
    // Whoever comes back from the browser's cache of pages finds nobody held.
    window.addEventListener('pagehide', () => unattended(this.resume(true)));
  }

  /** The action for the menu of all who are shown. */
  get deed(): IDeed {
    const trans = this._trans;
    return {
      word: trans.__('Hold input'),
      fits: isHere,
      title: n => trans._n('Hold the input of %1 person?', 'Hold the input of %1 people?', n, String(n)),
      text: trans.__(
        'Their keyboards and mice do nothing until you press Resume or leave this page, for an hour at most. You may add a sentence for them.'
      ),
      yes: trans.__('Hold input'),
      longest: LONGEST_SENTENCE,
      optional: true,
      run: (groups, text) =>
        Promise.all(
          groups.map(async ({ name, places }) => {
            const troubles = await Promise.all(places.map(one => this.hold(one, text)));
            return { name, trouble: troubles.find(Boolean) ?? '' };
          })
        )
    };
  }

  /** Hold somebody's input; those of one moment are one request. Returns what went wrong. */
  async hold({ key, target, name, server }: IPerson, text: string): Promise<string> {
    this._text = text;
    const desktop = { target, owner: name, server };
    this._batch ??= { desktops: new Map(), troubles: Promise.resolve().then(() => this._begin()) };
    this._batch.desktops.set(key, desktop);
    return (await this._batch.troubles).get(key) ?? '';
  }

  /**
   * Let everybody go on.
   *
   * @param leaving - whether the page is being left, so that there is no time to wait
   */
  async resume(leaving = false): Promise<void> {
    const desktops = [...this._held.values()];
    this._held.clear();
    this._timer.clear();
    this._show();
    if (!leaving) {
      // A request that is on its way could be heard after this one, and hold them again.
      await this._asking;
    }
    if (desktops.length > 0) {
      try {
        // Also from a page that is being left.
        await this._server.attention({ desktops, hold: false }, true);
      } catch {
        // It ends by itself soon.
      }
    }
  }

  /** Ask for those of this moment; return what went wrong, by their keys. */
  private async _begin(): Promise<ReadonlyMap<string, string>> {
    const desktops = [...this._batch!.desktops];
    this._batch = null;
    // From now on: whoever leaves the page meanwhile lets them go on.
    const news = desktops.filter(([key]) => !this._held.has(key));
    desktops.forEach(([key, desktop]) => this._held.set(key, desktop));
    const troubles = await this._ask(desktops, false);
    news.forEach(([key]) => troubles.has(key) && this._held.delete(key));
    this._show();
    this._later();
    return troubles;
  }

  private _later(): void {
    if (this._held.size > 0) {
      this._timer.set(() => unattended(this._again()), BEAT);
    }
  }

  /** Go on: who has left for a moment is held again when they are back. */
  private async _again(): Promise<void> {
    const troubles = await this._ask([...this._held], true);
    this._show(troubles);
    this._later();
  }

  private _ask(
    desktops: readonly (readonly [string, IDesktopOf])[],
    again: boolean
  ): Promise<ReadonlyMap<string, string>> {
    const answer = this._send(desktops, again);
    this._asking = Promise.all([this._asking, answer]).then(() => undefined);
    return answer;
  }

  private async _send(
    desktops: readonly (readonly [string, IDesktopOf])[],
    again: boolean
  ): Promise<ReadonlyMap<string, string>> {
    const keyOf = (index: number): string => desktops[index]?.[0] ?? '';
    try {
      const body = { desktops: desktops.map(([, one]) => one), hold: true, text: this._text, again };
      const { missed }: IAttentionAnswer = await this._server.attention(body);
      return new Map(missed.map(({ index, message }) => [keyOf(index), message]));
    } catch (error) {
      const sentence = this._server.sentence(error);
      return new Map(desktops.map(([key]) => [key, sentence]));
    }
  }

  /** Say how many people are held; somebody with two desktops is one. */
  private _show(troubles: ReadonlyMap<string, string> = new Map()): void {
    const trans = this._trans;
    this._node.hidden = this._held.size === 0;
    const there = [...this._held].filter(([key]) => !troubles.has(key));
    const count = new Set(there.map(([, { owner }]) => owner)).size;
    const held = trans._n(
      'The input of %1 person is held.',
      'The input of %1 people is held.',
      count,
      String(count)
    );
    const words = this._node.hidden ? '' : [held, [...troubles.values()][0]].filter(Boolean).join(' ');
    if (this._words.textContent !== words) {
      this._words.textContent = words;
    }
  }

  private readonly _words = element('span', { attributes: { role: 'status' } });
  private readonly _timer: Timer;
  private readonly _held = new Map<string, IDesktopOf>();
  private _asking: Promise<unknown> = Promise.resolve();
  private _text = '';
  private _batch: {
    readonly desktops: Map<string, IDesktopOf>;
    readonly troubles: Promise<ReadonlyMap<string, string>>;
  } | null = null;
}
