/**
 * What is done to several desktops of several people, and how these are named. Somebody with two desktops is one person.
 */
import type { IPerson } from './room-rows';
import type { ITranslate } from '../ui/i18n';
import type { RoomServer } from './room-server';

/** So many people are named in a sentence; the others are counted. */
const NAMED = 20;

/** So many reasons are told apart in a report; the others are no news to whoever has read these. */
const REASONS = 3;

/** Somebody, and what is meant of their desktops. */
export interface IGroup {
  readonly name: string;
  readonly places: readonly IPerson[];
}

/** Put the desktops of each person together, in the order of the first ones. */
export function byPerson(people: readonly IPerson[]): IGroup[] {
  const groups = new Map<string, IPerson[]>();
  for (const one of people) {
    const places = groups.get(one.name);
    if (places) {
      places.push(one);
    } else {
      groups.set(one.name, [one]);
    }
  }
  return [...groups].map(([name, places]) => ({ name, places }));
}

/** Names in a row, of which there may be hundreds. */
export function listed(trans: ITranslate, names: readonly string[]): string {
  const more = names.length - NAMED;
  const rest = more > 0 ? [trans._n('%1 more', '%1 more', more, String(more))] : [];
  return [...names.slice(0, NAMED), ...rest].join(', ');
}

/** What went wrong with whom: a sentence for each reason. */
export function missed(
  trans: ITranslate,
  results: readonly { readonly name: string; readonly trouble: string }[]
): string[] {
  const reasons = new Map<string, string[]>();
  for (const { name, trouble } of results) {
    if (trouble) {
      reasons.set(trouble, [...(reasons.get(trouble) ?? []), name]);
    }
  }
  const sorted = [...reasons].sort(([, some], [, others]) => others.length - some.length);
  const rest = sorted.slice(REASONS).flatMap(([, names]) => names);
  return [
    ...sorted
      .slice(0, REASONS)
      .map(([trouble, names]) => trans.__('Not for %1: %2', listed(trans, names), trouble)),
    ...(rest.length > 0 ? [trans.__('Not for %1, for other reasons.', listed(trans, rest))] : [])
  ];
}

/**
 * Show something to somebody once: at the desktop that they used last, or else at another one of theirs.
 *
 * @returns what went wrong; empty when they see it
 */
export async function send(server: RoomServer, { places }: IGroup, body: object): Promise<string> {
  const lastUsed = ({ lastInput, since }: IPerson): string => lastInput ?? since;
  const sorted = [...places].sort((one, other) => (lastUsed(one) < lastUsed(other) ? 1 : -1));
  let trouble = '';
  for (const { sessions } of sorted) {
    const said = await Promise.all(
      sessions.map(({ id }) => server.do('POST', `api/sessions/${id}/messages`, JSON.stringify(body)))
    );
    if (said.includes('')) {
      return '';
    }
    trouble = said[0] ?? trouble;
  }
  return trouble;
}

/**
 * End the sessions at these desktops. A viewer that has connected anew a moment before has another one, which is ended,
 * too.
 *
 * @param present - says which sessions there are by then; null when it cannot
 * @returns of each desktop what went wrong; empty for nothing
 */
export async function endSessions(
  server: RoomServer,
  trans: ITranslate,
  people: readonly IPerson[],
  present: (keys: readonly string[]) => Promise<readonly IPerson[] | null>
): Promise<string[]> {
  const said = await Promise.all(people.map(one => endThese(server, one.sessions)));
  const gone = people.filter((_, at) => said[at] === null);
  const now = gone.length > 0 ? await present(gone.map(({ key }) => key)) : [];
  const sorry = trans.__('They may be connected again.');
  return Promise.all(
    people.map(async (one, at) => {
      const known = new Set(one.sessions.map(({ id }) => id));
      const renewed = now?.find(({ key }) => key === one.key)?.sessions.filter(({ id }) => !known.has(id));
      return said[at] ?? (now === null ? sorry : ((await endThese(server, renewed ?? [])) ?? sorry));
    })
  );
}

/** End sessions; return what went wrong, or null where one of them had ended by itself. */
async function endThese(server: RoomServer, sessions: IPerson['sessions']): Promise<string | null> {
  const said = await Promise.all(sessions.map(({ id }) => server.end(id)));
  return said.find(Boolean) ?? (said.includes(null) ? null : '');
}
