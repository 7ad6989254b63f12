/**
 * The list page: keeps the states on the cards of the reader's desktops up to date.
 *
 * The page is complete as the server wrote it; without this script its states only grow old.
 */
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

/** Ask for the targets once and write their states onto the cards. */
export async function refresh(body: HTMLElement, trans: ITranslate): Promise<void> {
  const root = body.dataset.root ?? './';
  const response = await fetchAPI(`${root}api/targets?no_track_activity=1`);
  if (!response.ok) {
    return;
  }
  const targets = (await response.json()) as { name: string; state: string }[];
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
  window.setInterval(() => {
    if (!document.hidden) {
      refresh(body, trans).catch(() => undefined); // a server that restarts; the next round asks again
    }
  }, INTERVAL);
}

const { root = './', version = '' } = document.body.dataset;
void translation(root, version).then(trans => start(document.body, trans));
