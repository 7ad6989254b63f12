/**
 * The list page: keeps the states on the cards of the reader's desktops up to date.
 *
 * The page is complete as the server wrote it; without this script its states only grow old.
 */
import { element, localMemory } from '../ui/dom';
import { keptPicture, pictureKey } from '../screen/thumbnails';
import { managed } from '../connection/startup';
import { giveBack, giveBackWords, type IPool, poolWords } from '../pool';
import { restartDesktop } from '../remedies';
import { stateWords } from '../target-state';
import type { ITranslate } from '../ui/i18n';
import { fetchAPI, translatePage, translation } from './http';
import { unattended } from '../ui/report';

/** How often the states are asked for (milliseconds). */
const INTERVAL = 10000;

/** In these states a desktop of the server's can be restarted; in the others, opening it starts it. */
const RUNS = ['up', 'down', 'failed'];

/** Show the state of the reader on a card, and let them give back what they have. */
function showPool(item: Element | null, pool: IPool | null, trans: ITranslate): void {
  const words = item?.querySelector('.jp-VNC-pool');
  const release = item?.querySelector<HTMLElement>('[data-release]');
  if (words && release && pool) {
    words.textContent = poolWords(trans, pool);
    release.hidden = !pool.machine && !pool.place;
    release.dataset.inLine = String(!pool.machine);
    release.textContent = giveBackWords(trans, !pool.machine);
  }
}

/** Give a machine back, or the place in the queue. */
async function release(body: HTMLElement, button: HTMLElement, trans: ITranslate): Promise<void> {
  const path = `${body.dataset.root ?? './'}api/leases/${encodeURIComponent(button.dataset.release ?? '')}`;
  await giveBack(trans, () => fetchAPI(path, { method: 'DELETE' }), button.dataset.inLine === 'true');
  await refresh(body, trans);
}

/** Restart a desktop of the reader's. */
async function restart(body: HTMLElement, button: HTMLElement, trans: ITranslate): Promise<void> {
  const root = body.dataset.root ?? './';
  const title = button.closest('li')?.querySelector('h2')?.textContent ?? '';
  const desktop = managed(root, button.dataset.restart ?? '', (path, init) => fetchAPI(root + path, init));
  await restartDesktop(trans, title, desktop);
  await refresh(body, trans);
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
  const words: Readonly<Record<string, string>> = stateWords(trans);
  for (const [index, card] of shown.entries()) {
    const state = targets[index]!.state;
    const label = card.querySelector('[data-state]');
    label?.setAttribute('data-state', state);
    label?.replaceChildren(words[state] ?? '');
    showPool(card.closest('li'), targets[index]!.pool, trans);
    const restart = card.closest('li')?.querySelector<HTMLElement>('[data-restart]');
    restart?.parentElement?.toggleAttribute('hidden', !RUNS.includes(state));
  }
}

/** Show the last picture of each desktop that the reader has seen in this browser; an icon goes beside the title. */
export function showPictures(body: HTMLElement): void {
  for (const card of body.querySelectorAll<HTMLElement>('[data-target]')) {
    const key = pictureKey(body.dataset.root ?? './', card.dataset.target ?? '');
    const picture = keptPicture(localMemory, key);
    if (picture) {
      const place = card.querySelector('.jp-VNC-picture');
      const icon = place?.querySelector('.jp-VNC-icon');
      place?.replaceChildren(element('img', { attributes: { src: picture, alt: '' } }));
      if (icon) {
        card.querySelector('h2')?.prepend(icon);
      }
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
    button.addEventListener('click', () => unattended(release(body, button, trans)));
  }
  for (const button of body.querySelectorAll<HTMLElement>('[data-restart]')) {
    button.addEventListener('click', () => unattended(restart(body, button, trans)));
  }
  window.setInterval(() => {
    if (!document.hidden) {
      refresh(body, trans).catch(() => undefined); // a server that restarts; the next round asks again
    }
  }, INTERVAL);
}

const { root = './', version = '' } = document.body.dataset;
unattended(translation(root, version).then(trans => start(document.body, trans)));
