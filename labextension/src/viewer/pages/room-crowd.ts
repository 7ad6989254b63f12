/**
 * What an instructor can do about several people at once: all whom the page shows, by its counts and its filter. Each
 * action says before to how many it is, and after it what came of it.
 */
import { ask } from '../ui/dialog';
import { type IDeedsPage, LONGEST } from './room-deeds';
import { type IPerson, isHere } from './room-rows';
import { type IMenuItem, openMenu } from '../ui/menu';
import type { ITranslate } from '../ui/i18n';
import { isWebAddress } from '../ui/links';
import type { RoomServer } from './room-server';

/** So many people are named before something is done; the others are counted. */
const NAMED = 20;

/** One action. */
interface IDeed {
  readonly word: string;
  /** Whom it is possible with. */
  readonly fits: (one: IPerson) => boolean;
  readonly title: (count: number) => string;
  /** What happens then; empty where a text is asked for. */
  readonly text: string;
  readonly yes: string;
  /** The longest text that is asked for; absent where none is. */
  readonly longest?: number;
  /** What is wrong with a text; empty if nothing is. */
  readonly check?: (text: string) => string;
  /** Do it for one of them; return what went wrong, empty for what did not. */
  readonly run: (one: IPerson, text: string) => Promise<string[]>;
}

/** The menu of actions for all who are shown. */
export class Crowd {
  /**
   * @param _button - opens the menu
   */
  constructor(
    private readonly _button: HTMLButtonElement,
    private readonly _server: RoomServer,
    private readonly _trans: ITranslate,
    private readonly _page: IDeedsPage
  ) {
    _button.addEventListener('click', () => openMenu(_button, _button.textContent ?? '', this._items()));
    this.show([]);
  }

  /** These people are shown now. */
  show(people: readonly IPerson[]): void {
    const trans = this._trans;
    this._people = people;
    const count = people.filter(one => this._deeds.some(({ fits }) => fits(one))).length;
    this._button.disabled = count === 0;
    this._button.textContent = trans._n(
      'Actions for %1 person',
      'Actions for %1 people',
      count,
      String(count)
    );
  }

  private _items(): IMenuItem[] {
    return this._deeds.map(deed => {
      const count = this._people.filter(deed.fits).length;
      const run = (): void => void this._do(deed);
      return { label: `${deed.word} (${count})`, enabled: count > 0, run };
    });
  }

  private async _do(deed: IDeed): Promise<void> {
    const chosen = this._people.filter(deed.fits);
    const text = await ask(this._trans, {
      title: deed.title(chosen.length),
      text: [deed.text, this._names(chosen)].filter(Boolean).join(' '),
      yes: deed.yes,
      longest: deed.longest
    });
    const wrong = text === null ? '' : (deed.check?.(text) ?? '');
    if (text === null || wrong) {
      this._page.say(wrong);
      return;
    }
    const now = await this._page.present(chosen.map(one => one.key));
    // Whoever is not here any more has no session, but may still have a machine.
    const people = chosen.map(one => now.find(({ key }) => key === one.key) ?? { ...one, sessions: [] });
    const there = people.filter(deed.fits);
    const results = await Promise.all(
      there.map(async one => {
        const said = await deed.run(one, text);
        return { one, troubles: said.filter(Boolean), all: said.length };
      })
    );
    const missed = results.filter(({ troubles, all }) => all > 0 && troubles.length === all);
    const left = people.filter(one => !deed.fits(one)).map(one => one.name);
    this._report(missed, left, there.length);
    await this._page.refresh();
  }

  private _report(
    missed: readonly { one: IPerson; troubles: readonly string[] }[],
    left: readonly string[],
    count: number
  ): void {
    const trans = this._trans;
    const done = count - missed.length;
    const sentences = [trans._n('Done for %1 person.', 'Done for %1 people.', done, String(done))];
    if (left.length > 0) {
      sentences.push(trans.__('%1 had left already.', left.join(', ')));
    }
    if (missed.length > 0) {
      sentences.push(
        trans.__('Not for %1: %2', missed.map(({ one }) => one.name).join(', '), missed[0]!.troubles[0] ?? '')
      );
    }
    this._page.say(sentences.join(' '));
  }

  private _names(people: readonly IPerson[]): string {
    const trans = this._trans;
    const more = people.length - NAMED;
    const names = people.slice(0, NAMED).map(one => one.name);
    const rest = more > 0 ? [trans._n('%1 more', '%1 more', more, String(more))] : [];
    return trans.__('This is for: %1.', [...names, ...rest].join(', '));
  }

  private get _deeds(): readonly IDeed[] {
    return (this._made ??= deeds(this._server, this._trans));
  }

  private _made: readonly IDeed[] | null = null;
  private _people: readonly IPerson[] = [];
}

function deeds(server: RoomServer, trans: ITranslate): IDeed[] {
  const send = ({ sessions }: IPerson, body: object): Promise<string[]> =>
    Promise.all(
      sessions.map(({ id }) => server.do('POST', `api/sessions/${id}/messages`, JSON.stringify(body)))
    );
  return [
    {
      word: trans.__('Message'),
      fits: isHere,
      title: n => trans._n('Message to %1 person', 'Message to %1 people', n, String(n)),
      text: '',
      yes: trans.__('Send'),
      longest: LONGEST,
      run: (one, text) => send(one, { text })
    },
    {
      word: trans.__('Open a link'),
      fits: isHere,
      title: n => trans._n('Link for %1 person', 'Link for %1 people', n, String(n)),
      text: trans.__(
        'They see it over their desktop, and open it by one click. It begins with https:// or http://.'
      ),
      yes: trans.__('Send'),
      longest: LONGEST,
      check: text => (isWebAddress(text) ? '' : trans.__('This is no web address: %1', text)),
      run: (one, text) => send(one, { text, link: true })
    },
    {
      word: trans.__('End'),
      fits: isHere,
      title: n => trans._n('End the session of %1 person?', 'End the sessions of %1 people?', n, String(n)),
      text: trans.__('The desktops keep running, and they may connect again.'),
      yes: trans.__('End'),
      run: ({ sessions }) => Promise.all(sessions.map(({ id }) => server.do('DELETE', `api/sessions/${id}`)))
    },
    {
      word: trans.__('Release'),
      fits: one => one.holds,
      title: n =>
        trans._n('Take the machine of %1 person back?', 'Take the machines of %1 people back?', n, String(n)),
      text: trans.__('Whoever is next gets them as they are. What is not saved may be lost.'),
      yes: trans.__('Release'),
      run: async ({ target, name }) => [
        await server.do('DELETE', `api/leases/${encodeURIComponent(target)}/of/${encodeURIComponent(name)}`)
      ]
    }
  ];
}
