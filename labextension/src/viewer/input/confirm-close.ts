/**
 * Ctrl+W is meant for a window of the desktop, and closes the browser's tab: where keys go to a desktop, the browser
 * asks first. Whoever only watches loses nothing, and is not asked.
 */

/** A link of the page may lead away without a question for so long after the click on it (milliseconds). */
const CLICKED = 1000;

/**
 * Have the browser ask before its tab is closed.
 *
 * @param isWorking - whether somebody's keys would be lost
 * @returns asks no more
 */
export function askBeforeLeaving(isWorking: () => boolean): () => void {
  let clicked = -Infinity;
  const listening = new AbortController();
  const { signal } = listening;
  const ask = (event: BeforeUnloadEvent): void => {
    if (isWorking() && event.timeStamp - clicked > CLICKED) {
      event.preventDefault();
    }
  };
  const note = (event: MouseEvent): void => {
    if ((event.target as Element).closest?.('a[href], button')) {
      clicked = event.timeStamp;
    }
  };
  window.addEventListener('beforeunload', ask, { signal });
  // On the way down: whatever becomes of the click.
  window.addEventListener('click', note, { signal, capture: true });
  return () => listening.abort();
}
