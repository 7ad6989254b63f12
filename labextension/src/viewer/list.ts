/**
 * The list page: keeps the states on the cards of the reader's desktops up to date.
 *
 * The page is complete as the server wrote it; without this script its states only grow old.
 */
import { english } from './text';
import { fetchAPI } from './web';

/** How often the states are asked for (milliseconds). */
const INTERVAL = 10000;

/** The words for the states of a target. */
export const stateWords = (trans = english): Record<string, string> => ({
  up: trans.__('Running'),
  down: trans.__('Not reachable'),
  starting: trans.__('Starting'),
  stopped: trans.__('Starts when you open it'),
  unknown: ''
});

/** Ask for the targets once and write their states onto the cards. */
export async function refresh(body: HTMLElement): Promise<void> {
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
  const words = stateWords();
  for (const [index, card] of shown.entries()) {
    const state = targets[index]!.state;
    const label = card.querySelector('[data-state]');
    label?.setAttribute('data-state', state);
    label?.replaceChildren(words[state] ?? '');
  }
}

/** Refresh for as long as the page is looked at. */
export function start(body: HTMLElement): void {
  window.setInterval(() => {
    if (!document.hidden) {
      refresh(body).catch(() => undefined); // a server that restarts; the next round asks again
    }
  }, INTERVAL);
}

start(document.body);
