/**
 * The list of registered targets: its rows, their order, and what a search looks at.
 */
import type { ITranslate } from '../ui/i18n';
import type { IRow } from '../ui/live-table';
import type { IRegistered } from './admin-api';
import { maintained, maintenanceAction } from './admin-machines';

/** What the list can be sorted by. */
export type Column = 'name' | 'where' | 'who' | 'sessions' | 'test' | 'changed';

/** A target as a row. */
export function targetRow(trans: ITranslate, one: IRegistered): IRow {
  const { name, title, where, sessions, test, problem } = one;
  const words = { ok: trans.__('works'), bad: trans.__('does not work') };
  const date = new Date(one.changed_at).toLocaleDateString();
  const cells = [
    title && title !== name ? `${name} · ${title}` : name,
    [problem ? trans.__('Cannot be used: %1', problem) : where, maintained(trans, one)]
      .filter(Boolean)
      .join(' · '),
    [...one.allow_groups, ...one.allow_users].join(', ') || trans.__('everybody'),
    String(sessions),
    test ? (test.ok ? words.ok : words.bad) : '',
    `${date}, ${one.changed_by}`
  ];
  const edit = one.editable ? [{ id: 'edit', word: trans.__('Edit') }] : [];
  const machines = one.machines.length > 0 ? [{ id: 'machines', word: trans.__('Machines') }] : [];
  const actions = [...edit, maintenanceAction(trans, one.maintenance), ...machines];
  return { key: name, cells, about: name, actions };
}

/** What a column is sorted by. */
export function valueOf(one: IRegistered, column: Column): string | number {
  const values: Record<Column, string | number> = {
    name: one.name,
    where: one.where,
    who: [...one.allow_groups, ...one.allow_users].join(),
    sessions: one.sessions,
    test: one.test ? Number(one.test.ok) : -1,
    changed: one.changed_at
  };
  return values[column];
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** The order of two such values. */
export const compare = (one: string | number, other: string | number): number =>
  typeof one === 'number' && typeof other === 'number'
    ? one - other
    : collator.compare(String(one), String(other));

/** What a search looks at. */
export const textOf = (one: IRegistered): string =>
  [one.name, one.title, one.where, one.problem, ...one.allow_groups, ...one.allow_users]
    .join('\n')
    .toLowerCase();
