/**
 * What an instructor can do about several people at once: all whom the page shows, by its counts and its filter. Each
 * action says before to how many it is, and after it what came of it.
 */
import { ask } from '../ui/dialog';
import { byPerson, endSessions, type IGroup, listed, missed, send } from './room-many';
import { type IDeedsPage, leaseOf, LONGEST } from './room-deeds';
import { type IPerson, isHere } from './room-rows';
import { type IMenuItem, openMenu } from '../ui/menu';
import type { ITranslate } from '../ui/i18n';
import { isWebAddress } from '../ui/links';
import type { RoomServer } from './room-server';
import { unattended } from '../ui/report';

/** One action. */
export interface IDeed {
  readonly word: string;
  /** Whom it is possible with. */
  readonly fits: (one: IPerson) => boolean;
  readonly title: (count: number) => string;
  /** What happens then; empty where a text is asked for. */
  readonly text: string;
  readonly yes: string;
  /** The longest text that is asked for; absent where none is. */
  readonly longest?: number;
  /** Whether it may be empty. */
  readonly optional?: boolean;
  /** What is wrong with a text; empty if nothing is. */
  readonly check?: (text: string) => string;
  /** Whether it is done to desktops, which are named then, and not to people. */
  readonly places?: boolean;
  /** Do it. */
  readonly run: (groups: readonly IGroup[], text: string) => Promise<IResult[]>;
}

/** What came of it for somebody; no trouble is empty. */
interface IResult {
  readonly name: string;
  readonly trouble: string;
}

/** The menu of actions for all who are shown. */
export class Crowd {
  /**
   * @param _button - opens the menu
   * @param _more - actions of other modules
   */
  constructor(
    private readonly _button: HTMLButtonElement,
    private readonly _server: RoomServer,
    private readonly _trans: ITranslate,
    private readonly _page: IDeedsPage,
    private readonly _more: readonly IDeed[] = []
  ) {
    _button.addEventListener('click', () => openMenu(_button, _button.textContent ?? '', this._items()));
    this.show([], () => '');
  }

  /**
   * These people are shown now.
   *
   * @param where - where somebody is, in words
   */
  show(people: readonly IPerson[], where: (one: IPerson) => string): void {
    const trans = this._trans;
    [this._people, this._where] = [people, where];
    const count = byPerson(people.filter(one => this._deeds.some(({ fits }) => fits(one)))).length;
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
      const count = byPerson(this._people.filter(deed.fits)).length;
      const run = (): void => unattended(this._do(deed));
      return { label: `${deed.word} (${count})`, enabled: count > 0, run };
    });
  }

  private async _do(deed: IDeed): Promise<void> {
    const chosen = this._people.filter(deed.fits);
    const groups = byPerson(chosen);
    const names = groups.map(one => this._named(deed, one));
    const text = await ask(this._trans, {
      ...deed,
      title: deed.title(groups.length),
      text: [deed.text, this._trans.__('This is for: %1.', listed(this._trans, names))]
        .filter(Boolean)
        .join(' ')
    });
    const now = text === null ? null : await this._page.present(chosen.map(one => one.key));
    if (text !== null && now !== null) {
      // Whoever is not here any more has no session, but may still have a machine.
      const people = chosen.map(one => now.find(({ key }) => key === one.key) ?? { ...one, sessions: [] });
      const there = byPerson(people.filter(deed.fits));
      this._report(await deed.run(there, text), byPerson(people));
      await this._page.refresh();
    }
  }

  private _report(results: readonly IResult[], all: readonly IGroup[]): void {
    const trans = this._trans;
    const done = results.filter(({ trouble }) => !trouble).length;
    const there = new Set(results.map(({ name }) => name));
    const left = all.map(({ name }) => name).filter(name => !there.has(name));
    const sentences = [
      trans._n('Done for %1 person.', 'Done for %1 people.', done, String(done)),
      ...(left.length > 0 ? [trans.__('%1 had left already.', listed(trans, left))] : []),
      ...missed(trans, results)
    ];
    this._page.say(sentences.join(' '));
  }

  /** Somebody, and where something of theirs ends that they may have two of. */
  private _named(deed: IDeed, { name, places }: IGroup): string {
    return deed.places ? `${name} (${places.map(this._where).join(', ')})` : name;
  }

  private get _deeds(): readonly IDeed[] {
    return (this._made ??= [...deeds(this._server, this._trans, this._page), ...this._more]);
  }

  private _made: readonly IDeed[] | null = null;
  private _people: readonly IPerson[] = [];
  private _where: (one: IPerson) => string = () => '';
}

function deeds(server: RoomServer, trans: ITranslate, page: IDeedsPage): IDeed[] {
  const sendTo = (groups: readonly IGroup[], body: object): Promise<IResult[]> =>
    Promise.all(groups.map(async one => ({ name: one.name, trouble: await send(server, one, body) })));
  return [
    {
      word: trans.__('Message'),
      fits: isHere,
      title: n => trans._n('Message to %1 person', 'Message to %1 people', n, String(n)),
      text: '',
      yes: trans.__('Send'),
      longest: LONGEST,
      run: (groups, text) => sendTo(groups, { text })
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
      run: (groups, text) => sendTo(groups, { text, link: true })
    },
    {
      word: trans.__('End'),
      fits: isHere,
      title: n => trans._n('End the session of %1 person?', 'End the sessions of %1 people?', n, String(n)),
      text: trans.__('The desktops keep running, and they may connect again.'),
      yes: trans.__('End'),
      places: true,
      run: async groups => {
        const people = groups.flatMap(({ places }) => places);
        return byName(people, await endSessions(server, trans, people, keys => page.present(keys)));
      }
    },
    {
      word: trans.__('Release'),
      fits: one => one.holds,
      title: n =>
        trans._n('Take the machine of %1 person back?', 'Take the machines of %1 people back?', n, String(n)),
      text: trans.__('Whoever is next gets them as they are. What is not saved may be lost.'),
      yes: trans.__('Release'),
      places: true,
      run: async groups => {
        const people = groups.flatMap(({ places }) => places);
        return byName(people, await Promise.all(people.map(one => server.do('DELETE', leaseOf(one)))));
      }
    }
  ];
}

/** What came of it for each person: the first trouble at any of their desktops. */
function byName(people: readonly IPerson[], troubles: readonly string[]): IResult[] {
  const all = new Map<string, string>();
  people.forEach(({ name }, at) => all.set(name, all.get(name) || troubles[at]!));
  return [...all].map(([name, trouble]) => ({ name, trouble }));
}
