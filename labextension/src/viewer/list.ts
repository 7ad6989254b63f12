/**
 * The list page: keeps the states on the cards of the reader's desktops up to date.
 *
 * The page is complete as the server wrote it; without this script its states only grow old.
 */
import { ask } from './ask';
import { element, localMemory } from './dom';
import { keptPicture, pictureKey } from './pictures';
import type { ITranslate } from './text';
import { fetchAPI, translatePage, translation } from './web';

/** How often the states are asked for (milliseconds). */
const INTERVAL = 10000;

/** The words for the states of a target. */
export const stateWords = (trans: ITranslate): Record<string, string> => ({
  up: trans.__('Running'),
  down: trans.__('Not reachable'),
  starting: trans.__('Starting'),
  stopped: trans.__('Starts when you open it'),
  unknown: ''
});

/** How the reader stands at a target that is many machines. */
export interface IPool {
  readonly machine: string | null;
  readonly place: number | null;
  readonly waiting: number;
  readonly size: number;
  readonly free: number;
}

/** Say how the reader stands. */
export function poolWords(trans: ITranslate, { machine, place, waiting, size, free }: IPool): string {
  if (machine) {
    return trans.__('Your machine: %1', machine);
  }
  if (place) {
    return trans.__('You are number %1 in line', String(place));
  }
  return free > 0
    ? trans.__('%1 of %2 machines are free', String(free), String(size))
    : trans.__('All %1 machines are taken; %2 wait', String(size), String(waiting));
}

/** Show on a card how the reader stands, and let him give back what he has. */
function showPool(item: Element | null, pool: IPool | null, trans: ITranslate): void {
  const words = item?.querySelector('.jp-VNC-pool');
  const release = item?.querySelector<HTMLElement>('[data-release]');
  if (words && release && pool) {
    words.textContent = poolWords(trans, pool);
    release.hidden = !pool.machine && !pool.place;
  }
}

/** Give a machine back, if the reader really wants that. */
async function release(body: HTMLElement, name: string, trans: ITranslate): Promise<void> {
  const answer = await ask(trans, {
    title: trans.__('Give the machine back?'),
    text: trans.__('Somebody else gets it as it is. Save your work first.'),
    yes: trans.__('Give it back')
  });
  if (answer !== null) {
    const path = `api/leases/${encodeURIComponent(name)}`;
    await fetchAPI(`${body.dataset.root ?? './'}${path}`, { method: 'DELETE' });
    await refresh(body, trans);
  }
}

/** Ask for the targets once and write their states onto the cards. */
export async function refresh(body: HTMLElement, trans: ITranslate): Promise<void> {
  const root = body.dataset.root ?? './';
  const response = await fetchAPI(`${root}api/targets?no_track_activity=1`);
  if (!response.ok) {
    return;
  }
  const targets = (await response.json()) as { name: string; state: string; pool: IPool | null }[];
  const shown = [...body.querySelectorAll<HTMLElement>('[data-target]')];
  if (targets.map(target => target.name).join('\n') !== shown.map(card => card.dataset.target).join('\n')) {
    window.location.reload();
    return;
  }
  const words = stateWords(trans);
  for (const [index, card] of shown.entries()) {
    const state = targets[index]!.state;
    const label = card.querySelector('[data-state]');
    label?.setAttribute('data-state', state);
    label?.replaceChildren(words[state] ?? '');
    showPool(card.closest('li'), targets[index]!.pool, trans);
  }
}

/** Show the last picture of each desktop that the reader has seen in this browser. */
export function showPictures(body: HTMLElement): void {
  for (const card of body.querySelectorAll<HTMLElement>('[data-target]')) {
    const key = pictureKey(body.dataset.root ?? './', card.dataset.target ?? '');
    const picture = keptPicture(localMemory, key);
    if (picture) {
      card
        .querySelector('.jp-VNC-picture')
        ?.replaceChildren(element('img', { attributes: { src: picture, alt: '' } }));
    }
  }
}

/** Refresh for as long as the page is looked at. */
export function start(body: HTMLElement, trans: ITranslate): void {
  document.title = trans.__('Remote desktops');
  translatePage(body, trans);
  showPictures(body);
  for (const button of body.querySelectorAll<HTMLElement>('[data-release]')) {
    const words = button.closest('li')?.querySelector<HTMLElement>('.jp-VNC-pool');
    showPool(button.closest('li'), JSON.parse(words?.dataset.pool ?? 'null') as IPool | null, trans);
    button.addEventListener('click', () => void release(body, button.dataset.release ?? '', trans));
  }
  window.setInterval(() => {
    if (!document.hidden) {
      refresh(body, trans).catch(() => undefined); // a server that restarts; the next round asks again
    }
  }, INTERVAL);
}

const { root = './', version = '' } = document.body.dataset;
void translation(root, version).then(trans => start(document.body, trans));
