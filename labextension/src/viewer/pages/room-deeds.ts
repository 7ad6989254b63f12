/**
 * What an instructor can do in the course room: each deed says what it does before, and what came of it after.
 */
import { byPerson, endSessions, listed, send } from './room-many';
import { type IPerson, isHere } from './room-rows';
import { ask } from '../ui/dialog';
import type { IRowAction } from '../ui/live-table';
import type { ITranslate } from '../ui/i18n';
import type { RoomServer } from './room-server';

/** The longest message (characters); the server has the same limit. */
export const LONGEST = 500;

/** What the deeds need of the page. */
export interface IDeedsPage {
  /**
   * Those of the people who are here by now, as they are: writing takes time, and pages are reloaded meanwhile. Null when
   * the server does not say so; the reader is told that nothing was done.
   */
  present(keys: readonly string[] | null): Promise<IPerson[] | null>;
  /** Say what came of it. */
  say(sentence: string): void;
  refresh(): Promise<void>;
}

/** The page of somebody's desktop, for their instructor. */
export function lookAt(root: string, { target, name, server }: IPerson): string {
  const of = `${root}view/${encodeURIComponent(target)}/of/${encodeURIComponent(name)}`;
  return server === null ? of : `${of}/server/${encodeURIComponent(server)}`;
}

/** Where a machine is taken back. */
export const leaseOf = ({ target, name }: IPerson): string =>
  `api/leases/${encodeURIComponent(target)}/of/${encodeURIComponent(name)}`;

/** The deeds of one page. */
export class Deeds {
  constructor(
    private readonly _server: RoomServer,
    private readonly _trans: ITranslate,
    private readonly _page: IDeedsPage
  ) {}

  /** What can be done about somebody. */
  offered(one: IPerson): IRowAction[] {
    const trans = this._trans;
    return [
      ...(one.shown ? [{ id: 'look', word: trans.__('Look in'), href: lookAt(this._server.root, one) }] : []),
      ...(isHere(one) ? [{ id: 'write', word: trans.__('Message') }] : []),
      ...(isHere(one) ? [{ id: 'end', word: trans.__('End') }] : []),
      ...(one.holds ? [{ id: 'release', word: trans.__('Release') }] : [])
    ];
  }

  /** Do one of these. */
  async act(id: string, one: IPerson): Promise<void> {
    await { write: this._write, end: this._end, release: this._release }[id]?.call(this, one);
  }

  /** Write to everybody who is here. */
  async writeToAll(): Promise<void> {
    const trans = this._trans;
    const text = await this._askForText(trans.__('Message to everybody in the room'));
    if (text !== null) {
      await this._send(await this._page.present(null), text, trans.__('everybody'));
    }
  }

  private async _write(one: IPerson): Promise<void> {
    const text = await this._askForText(this._trans.__('Message to %1', one.name));
    if (text !== null) {
      await this._send(await this._page.present([one.key]), text, one.name);
    }
  }

  private _askForText(title: string): Promise<string | null> {
    return ask(this._trans, { title, yes: this._trans.__('Send'), longest: LONGEST });
  }

  /** Send to all sessions of these people, and say who got it and who did not. */
  /** Send to each of these people, and say who got it and who did not; nothing while it is not known who is there. */
  private async _send(people: readonly IPerson[] | null, text: string, whom: string): Promise<void> {
    if (people === null) {
      return;
    }
    const trans = this._trans;
    const results = await Promise.all(
      byPerson(people).map(async one => ({
        name: one.name,
        trouble: await send(this._server, one, { text })
      }))
    );
    const not = results.filter(({ trouble }) => trouble);
    const names = listed(
      trans,
      (not.length > 0 ? not : results).map(({ name }) => name)
    );
    if (people.length === 0) {
      this._page.say(trans.__('Nobody is there any more to read it: %1.', whom));
    } else if (not.length > 0) {
      this._page.say(trans.__('The message did not reach %1: %2', names, not[0]!.trouble));
    } else {
      this._page.say(trans.__('The message was sent to %1.', names));
    }
    await this._page.refresh();
  }

  private async _end(one: IPerson): Promise<void> {
    const trans = this._trans;
    const answer = await ask(trans, {
      title: trans.__('End the session of %1?', one.name),
      text: trans.__('The desktop keeps running, and %1 may connect again.', one.name),
      yes: trans.__('End')
    });
    const people = answer === null ? null : await this._page.present([one.key]);
    if (people !== null) {
      const present = (keys: readonly string[]): Promise<IPerson[] | null> => this._page.present(keys);
      await this._report(
        endSessions(this._server, trans, people, present),
        people.length > 0
          ? trans.__('The session of %1 was ended.', one.name)
          : trans.__('%1 had left already.', one.name)
      );
    }
  }

  private async _release(one: IPerson): Promise<void> {
    const trans = this._trans;
    const answer = await ask(trans, {
      title: trans.__('Take the machine of %1 back?', one.name),
      text: trans.__('Whoever is next gets it as it is. What %1 has not saved may be lost.', one.name),
      yes: trans.__('Release')
    });
    if (answer !== null) {
      await this._report(
        Promise.all([this._server.do('DELETE', leaseOf(one))]),
        trans.__('The machine of %1 was taken back. Whoever is next gets it.', one.name)
      );
    }
  }

  /** Say what was done once all of it is, or else what went wrong. */
  private async _report(deeds: Promise<readonly string[]>, done: string): Promise<void> {
    this._page.say((await deeds).find(Boolean) ?? done);
    await this._page.refresh();
  }
}
