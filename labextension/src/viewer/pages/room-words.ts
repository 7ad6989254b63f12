/**
 * What the course room says of people and machines.
 */
import { type IMachine, type IPerson, isHere } from './room-rows';
import type { IRow } from '../ui/live-table';
import type { ITranslate } from '../ui/i18n';

/** Where somebody is. */
export function place(trans: ITranslate, { machine, server }: IPerson, title: string): string {
  if (server !== null) {
    return server ? trans.__('%1 · own server %2', title, server) : trans.__('%1 · own server', title);
  }
  return machine ? `${title} · ${machine}` : title;
}

/** When somebody did something, or why not. */
export function activity(trans: ITranslate, one: IPerson): string {
  if (one.hand !== null) {
    const up = trans.__('hand up %1', ago(trans, one.hand));
    return one.sentence ? trans.__('%1: “%2”', up, one.sentence) : up;
  }
  if (one.absent) {
    return trans.__('absent');
  }
  if (one.gone !== null) {
    return trans.__('disconnected %1', ago(trans, one.gone));
  }
  if (one.waits) {
    return trans.__('in the queue');
  }
  return isHere(one) ? ago(trans, one.lastInput) : one.starts ? trans.__('starting') : trans.__('away');
}

/** A row of the table of machines. */
export function machineRow(trans: ITranslate, one: IMachine): IRow {
  const words = {
    free: trans.__('free'),
    taken: trans.__('taken'),
    maintenance: trans.__('In maintenance'),
    aside: trans.__('does not answer; next try in %1 s', String(Math.ceil(one.retry_in ?? 0)))
  };
  const since = one.since ? ago(trans, one.since) : '';
  return {
    key: JSON.stringify([one.target, one.machine]),
    cells: [one.machine, one.title, words[one.state], one.user ?? '', since]
  };
}

/** How many machines are in which state, and what is the matter with those that nobody gets. */
export function machineCounts(trans: ITranslate, machines: readonly IMachine[]): string {
  const words = {
    free: trans.__('free'),
    taken: trans.__('taken'),
    maintenance: trans.__('In maintenance'),
    aside: trans.__('does not answer')
  };
  return (Object.keys(words) as (keyof typeof words)[])
    .map(state => [words[state], machines.filter(one => one.state === state).length] as const)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${word} ${count}`)
    .join(' · ');
}

/** How long ago something was; nothing for no time at all. */
export function ago(trans: ITranslate, when: string | null): string {
  if (!when) {
    return when === null ? trans.__('never') : '';
  }
  const minutes = Math.round((Date.now() - Date.parse(when)) / 60000);
  if (minutes < 1) {
    return trans.__('just now');
  }
  return minutes < 60
    ? trans.__('%1 min ago', String(minutes))
    : trans.__('%1 h ago', String(Math.round(minutes / 60)));
}
