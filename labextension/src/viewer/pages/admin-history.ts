/**
 * The history of registered targets: who changed what.
 */
import type { ITranslate } from '../ui/i18n';
import type { IRow } from '../ui/live-table';
import type { IChange } from './admin-api';

/** A change as a row of the table. */
export function changeRow(trans: ITranslate, change: IChange, place: number): IRow {
  const { at, by, action, target, machine, changed, local, secrets } = change;
  const words: Readonly<Record<string, string>> = {
    add: trans.__('Added'),
    change: trans.__('Changed'),
    remove: trans.__('Removed'),
    import: trans.__('Imported'),
    maintain: trans.__('Taken out of service'),
    'in service': trans.__('Back in service'),
    rotate: trans.__('All secrets were encrypted again')
  };
  // Of maintenance, the word says it all.
  const shown = machine === undefined ? Object.entries(changed) : [];
  const values = shown.map(([key, [old, now]]) => `${key}: ${told(old)} → ${told(now)}`);
  const hidden = [...new Set([...local, ...secrets])].filter(
    key => !(key in changed) || secrets.includes(key)
  );
  const details = [...values, ...hidden.map(key => trans.__('%1 was set', key))].join('; ');
  const what = `${words[action] ?? action}${details ? `: ${details}` : ''}`;
  const where = machine ? `${target} / ${machine}` : target;
  return { key: String(place), cells: [new Date(at).toLocaleString(), by, where, what] };
}

const told = (value: unknown): string =>
  value === null || value === undefined ? '–' : value === true ? '✓' : JSON.stringify(value);
