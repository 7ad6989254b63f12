/**
 * A target that is many machines, of which each reader gets one: where they stand, and giving their machine back.
 */
import { ask, tell } from './ui/dialog';
import { noAnswer, readJSON, refusal } from './connection/grant';
import type { ITranslate } from './ui/i18n';

/** How the reader stands: the key `pool` of a row of `GET api/targets`. */
export interface IPool {
  readonly machine: string | null;
  readonly place: number | null;
  readonly waiting: number;
  readonly size: number;
  readonly free: number;
  readonly aside: number;
}

/** Say how the reader stands. */
export function poolWords(trans: ITranslate, { machine, place, waiting, size, free }: IPool): string {
  if (machine) {
    return trans.__('Your machine: %1', machine);
  }
  if (place) {
    return trans.__('You are number %1 in the queue', String(place));
  }
  if (free > 0) {
    return trans._n(
      '%1 of %2 machines is free',
      '%1 of %2 machines are free',
      free,
      String(free),
      String(size)
    );
  }
  return waiting > 0
    ? trans._n(
        '%1 machine is not free; waiting: %2',
        'No machine of %1 is free; waiting: %2',
        size,
        String(size),
        String(waiting)
      )
    : trans._n('%1 machine is not free', 'No machine of %1 is free', size, String(size));
}

/** The words on the button that gives back what the reader has. */
export function giveBackWords(trans: ITranslate, inLine = false): string {
  return inLine ? trans.__('Leave the queue') : trans.__('Give the machine back');
}

/**
 * Give back what the reader has, once they confirm it; report a failure.
 *
 * @param trans - the words
 * @param remove - asks the server
 * @param inLine - whether it is a place in the queue, and no machine yet
 */
export async function giveBack(
  trans: ITranslate,
  remove: () => Promise<Response>,
  inLine = false
): Promise<void> {
  const answer = await ask(trans, {
    title: inLine ? trans.__('Leave the queue?') : trans.__('Give the machine back?'),
    text: inLine
      ? trans.__('If you come back, you go to the end of the queue.')
      : trans.__('Somebody else gets it as it is. Save your work first.'),
    yes: giveBackWords(trans, inLine)
  });
  if (answer === null) {
    return;
  }
  await report(trans, remove());
}

/** The request that keeps the reader's machine. */
export const KEEP: RequestInit = { method: 'POST', body: JSON.stringify({ action: 'keep' }) };

/**
 * Keep the reader's machine, though they do nothing there; report a failure.
 *
 * @param trans - the words
 * @param keep - asks the server
 */
export async function stay(trans: ITranslate, keep: () => Promise<Response>): Promise<void> {
  await report(trans, keep());
}

async function report(trans: ITranslate, asked: Promise<Response>): Promise<void> {
  const refused = await asked.then(refusalOf).catch(noAnswer);
  if (refused) {
    await tell(
      trans,
      trans.__('This did not work.'),
      refused.message || trans.__('The server does not answer.')
    );
  }
}

/** What an answer refuses; null if nothing. What is gone already need not be given back. */
async function refusalOf(response: Response): Promise<ReturnType<typeof refusal> | null> {
  return response.ok || response.status === 404 ? null : refusal(response, await readJSON(response));
}
