/**
 * What a toolbar says of those who have the desktop on the screen.
 */
import { type Company, describe } from '../presence';
import type { IMenuItem } from '../ui/menu';
import type { ITranslate } from '../ui/i18n';

type Others = Pick<Company, 'others' | 'count'>;

/** The name of the button: all of them, as long as there are any. */
export function peopleLabel(trans: ITranslate, company: Others | undefined): string {
  const people = company ? peopleThere(trans, company) : [];
  return people.length > 0 ? people.join(', ') : trans.__('People');
}

/** Its menu. */
export function peopleItems(trans: ITranslate, company: Others): IMenuItem[] {
  return peopleThere(trans, company).map(toRead);
}

/** A line of a menu that is there to be read, by fingers too, which see no tooltip: nothing happens on a press. */
export const toRead = (label: string): IMenuItem => ({ label, run: () => undefined });

/** A sentence for each that is known by name, and one for all others. */
function peopleThere(trans: ITranslate, { others, count }: Others): string[] {
  const more = count - others.length;
  const rest = more > 0 ? [trans._n('%1 more', '%1 more', more, String(more))] : [];
  return [...others.map(one => describe(trans, one)), ...rest];
}
