/**
 * The drawing of a desktop and of its states; apart from the toolbar's, since a host needs it before the viewer.
 */

const icon = (shapes: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">${shapes}</svg>`;

/** A screen on a foot. */
const SCREEN =
  'M3 4h18a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-7v2h3v2H7v-2h3v-2H3a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm1 2v9h16V6z';

const path = (d: string, colour = 'jp-icon3" fill="#616161'): string => `<path class="${colour}" d="${d}"/>`;

const BLUE = 'jp-icon-brand1" fill="#1976d2';
const RED = 'jp-icon-warn0" fill="#d32f2f';

/** A desktop. */
export const DESKTOP = icon(path(SCREEN));

/** A desktop with a sign on its screen. */
const withSign = (d: string, colour?: string): string => icon(path(SCREEN) + path(d, colour));

/** A desktop that is up: a tick. */
export const DESKTOP_UP = withSign('M7.4 10.3l1.3-1.3 2.3 2.3 4.5-4.5 1.3 1.3-5.8 5.8z', BLUE);

/** A desktop that starts: three dots. */
export const DESKTOP_STARTING = withSign('M7 9.4h2.2v2.2H7zm3.9 0h2.2v2.2h-2.2zm3.9 0H17v2.2h-2.2z', BLUE);

/** A desktop that is down: a cross. */
export const DESKTOP_DOWN = withSign(
  'M9.1 6.9L12 9.8l2.9-2.9 1.2 1.2-2.9 2.9 2.3 2.3-1.2 1.2-2.3-2.3-2.3 2.3-1.2-1.2L10.8 11 7.9 8.1z',
  RED
);

/** A desktop that failed: an exclamation mark. */
export const DESKTOP_FAILED = withSign(
  'M10.9 6.5h2.2l-.3 4.9h-1.6zM12 12.2a1.2 1.2 0 1 1 0 2.4a1.2 1.2 0 0 1 0-2.4z',
  RED
);

/** A desktop that somebody else has: a person. */
export const DESKTOP_BUSY = withSign(
  'M12 6.5a2 2 0 1 1 0 4a2 2 0 0 1 0-4zM8 14.6c0-2.2 1.8-3.4 4-3.4s4 1.2 4 3.4z'
);
