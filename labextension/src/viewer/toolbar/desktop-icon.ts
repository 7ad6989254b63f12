/**
 * The drawing of a desktop and of its states; apart from the toolbar's, since a host needs it before the viewer.
 */

const icon = (shapes: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">${shapes}</svg>`;

/** A screen on a foot. */
const SCREEN =
  'M3 4h18a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-7v2h3v2H7v-2h3v-2H3a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm1 2v9h16V6z';

/** A desktop. */
export const DESKTOP = icon(`<path class="jp-icon3" fill="#616161" d="${SCREEN}"/>`);

/** A desktop that is up: a tick on the screen. */
export const DESKTOP_UP = icon(
  `<path class="jp-icon3" fill="#616161" d="${SCREEN}"/>` +
    '<path class="jp-icon-brand1" fill="#1976d2" d="M7.4 10.3l1.3-1.3 2.3 2.3 4.5-4.5 1.3 1.3-5.8 5.8z"/>'
);

/** A desktop that starts: three dots on the screen. */
export const DESKTOP_STARTING = icon(
  `<path class="jp-icon3" fill="#616161" d="${SCREEN}"/>` +
    '<path class="jp-icon-brand1" fill="#1976d2" d="M7 9.4h2.2v2.200H7zm3.900 0h2.200v2.200h-2.200zm3.900 0H17v2.200h-2.200z"/>'
);

/** A desktop that is down: a cross on the screen. */
export const DESKTOP_DOWN = icon(
  `<path class="jp-icon3" fill="#616161" d="${SCREEN}"/>` +
    '<path class="jp-icon-warn0" fill="#d32f2f" d="M9.1 6.9L12 9.8l2.9-2.9 1.2 1.2-2.9 2.9 2.3 2.3-1.2 1.2-2.3-2.3-2.3 2.3-1.2-1.2L10.8 11 7.9 8.1z"/>'
);

/** A desktop that failed: an exclamation mark on the screen. */
export const DESKTOP_FAILED = icon(
  `<path class="jp-icon3" fill="#616161" d="${SCREEN}"/>` +
    '<path class="jp-icon-warn0" fill="#d32f2f" d="M10.900 6.500h2.200l-.3 4.900h-1.600zM12 12.200a1.200 1.200 0 1 1 0 2.400a1.200 1.200 0 0 1 0-2.400z"/>'
);

/** A desktop that somebody else has: a person on the screen. */
export const DESKTOP_BUSY = icon(
  `<path class="jp-icon3" fill="#616161" d="${SCREEN}"/>` +
    '<path class="jp-icon3" fill="#616161" d="M12 6.500a2 2 0 1 1 0 4a2 2 0 0 1 0-4zM8 14.600c0-2.200 1.800-3.400 4-3.400s4 1.200 4 3.400z"/>'
);
