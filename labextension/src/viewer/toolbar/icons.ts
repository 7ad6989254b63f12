/**
 * The drawings of the toolbar: ours, as everything here. The `jp-icon*` classes let JupyterLab's themes, and the
 * page's, colour them.
 */

const icon = (shapes: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">${shapes}</svg>`;

const filled = (path: string): string => icon(`<path class="jp-icon3" fill="#616161" d="${path}"/>`);

/** Four arrows to the corners of a frame. */
export const SCALING = filled(
  'M3 5a1 1 0 0 1 1-1h6v2H6.4l4 4L9 11.4l-4-4V11H3zm18 14a1 1 0 0 1-1 1h-6v-2h3.6l-4-4 1.4-1.4 4 4V13h2z'
);

/** Two people. */
export const PEOPLE = filled(
  'M9 4a4 4 0 1 1 0 8a4 4 0 0 1 0-8zm0 2a2 2 0 1 0 0 4a2 2 0 0 0 0-4zm0 7.5c3.9 0 7 2 7 4.5v2H2v-2c0-2.5 3.1-4.5 7-4.5zm0 2c-2.9 0-5 1.3-5 2.5h10c0-1.2-2.1-2.5-5-2.5zM15.5 4a4 4 0 0 1 0 8v-2a2 2 0 0 0 0-4zm1.800 9.700c2.800.6 4.700 2.300 4.700 4.300v2h-3.500v-2h1.500c0-.8-1-1.700-2.700-2.200z'
);

/** An arm that is up, with an open hand. */
export const HAND = filled(
  'M11 2.500a1 1 0 0 1 2 0V10h1V4a1 1 0 0 1 2 0v6.500h1V6.500a1 1 0 0 1 2 0V15c0 3.900-2.700 7-6.500 7-2.700 0-4.500-1.300-5.800-3.500L3.600 13.400c-.3-.6-.1-1.200.4-1.500.6-.3 1.300-.2 1.700.3L8 14.800V4a1 1 0 0 1 2 0v6h1z'
);

/** Four small screens. */
export const WALL = filled(
  'M3 4h8v7H3zm2 2v3h4V6zm8-2h8v7h-8zm2 2v3h4V6zM3 13h8v7H3zm2 2v3h4v-3zm8-2h8v7h-8zm2 2v3h4v-3z'
);

/** A clipboard. */
export const CLIPBOARD = filled(
  'M9 2h6a1 1 0 0 1 1 1v1h3a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1h3V3a1 1 0 0 1 1-1zM8 6H6v14h12V6h-2v2H8zm2-2v2h4V4zm-2 7h8v2H8zm0 4h6v2H8z'
);

/** A keyboard. */
export const KEYBOARD = filled(
  'M2 6a1 1 0 0 1 1-1h18a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1zm2 1v10h16V7zm2 2h2v2H6zm3.3 0h2v2h-2zm3.4 0h2v2h-2zM16 9h2v2h-2zM7 14h10v2H7z'
);

/** An eye. */
export const EYE = filled(
  'M12 5c5 0 9 4.500 10 7c-1 2.500-5 7-10 7s-9-4.500-10-7c1-2.500 5-7 10-7zm0 2c-3.600 0-6.600 3-7.800 5c1.200 2 4.200 5 7.800 5s6.600-3 7.800-5c-1.200-2-4.200-5-7.800-5zm0 1.500a3.500 3.500 0 1 1 0 7a3.500 3.500 0 0 1 0-7zm0 2a1.500 1.500 0 1 0 0 3a1.500 1.500 0 0 0 0-3z'
);

/** A speaker that sounds. */
export const SOUND = filled(
  'M3 9h4l6-5v16l-6-5H3zm2 2v2h2.700l3.300 2.700V8.300L7.700 11zM16 7.500a6 6 0 0 1 0 9l-1.300-1.500a4 4 0 0 0 0-6zM18.600 4.500a10 10 0 0 1 0 15l-1.300-1.500a8 8 0 0 0 0-12z'
);

/** A speaker that is silent. */
export const MUTED = filled(
  'M3 9h4l6-5v16l-6-5H3zm2 2v2h2.700l3.300 2.700V8.300L7.700 11zM16.400 8.500L18.500 10.600 20.600 8.500 22 9.900 19.900 12 22 14.100 20.600 15.500 18.500 13.400 16.400 15.500 15 14.100 17.100 12 15 9.900z'
);

/** Three dots that two lines join. */
export const SHARE = filled(
  'M18 2a3 3 0 1 1-2.100 5.150L8.900 11.200a3 3 0 0 1 0 1.600l7 4.050A3 3 0 1 1 15.070 18.500L8 14.400a3 3 0 1 1 0-4.800l7.070-4.100A3 3 0 0 1 18 2z'
);

/** The corners of a frame. */
export const FULLSCREEN = filled('M3 3h7v2H5v5H3zm11 0h7v7h-2V5h-5zM3 14h2v5h5v2H3zm16 0h2v7h-7v-2h5z');

/** A frame with an arrow that leaves it. */
export const BROWSER_TAB = filled(
  'M4 4h7v2H6v12h12v-5h2v6a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zm10-1h7v7h-2V6.4l-7.6 7.6-1.4-1.4L17.6 5H14z'
);

/** A camera. */
export const SCREENSHOT = filled(
  'M9 4h6l1.5 2.5H21a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V7.5a1 1 0 0 1 1-1h4.5zM4 8.5V18h16V8.5zm8 1a3.8 3.8 0 1 1 0 7.6a3.8 3.8 0 0 1 0-7.6zm0 2a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 0 0 0-3.6z'
);

/** A plug in its socket. */
export const CONNECT = filled(
  'M8 2h2v5h4V2h2v5h2v5a6 6 0 0 1-5 5.9V22h-2v-4.1A6 6 0 0 1 6 12V7h2zm0 7v3a4 4 0 0 0 8 0V9z'
);

/** A plug struck through. */
export const DISCONNECT = filled(
  'M4.4 3L21 19.6 19.6 21l-4.2-4.2a6 6 0 0 1-2.4 1.1V22h-2v-4.1A6 6 0 0 1 6 12V7.4L3 4.4zM8 9.4V12a4 4 0 0 0 5.9 3.3zM8 2h2v4.2l-2-2zm6 0h2v5h2v5c0 .7-.1 1.4-.3 2L16 12.3V9h-3.3L10.7 7H14z'
);

/** Three dots. */
export const MORE = filled('M5 10h4v4H5zm5.5 0h4v4h-4zm5.5 0h4v4h-4z');

/** A letter and a cursor. */
export const TYPE = filled(
  'M4 5h10v2.5h-1.6V7h-2.4v10h1.5v2h-5v-2H8V7H5.6v.5H4zm12-2h4v2h-1v14h1v2h-4v-2h1V5h-1z'
);

/** Three sliders. */
export const SETTINGS = filled(
  'M3 6h9.2a2.5 2.5 0 0 1 4.6 0H21v2h-4.2a2.5 2.5 0 0 1-4.6 0H3zm0 5h3.2a2.5 2.5 0 0 1 4.6 0H21v2H10.8a2.5 2.5 0 0 1-4.6 0H3zm0 5h9.2a2.5 2.5 0 0 1 4.6 0H21v2h-4.2a2.5 2.5 0 0 1-4.6 0H3z'
);

/** A sheet with a picture. */
export const FILE = filled('M5 2h9l6 6v14H5zm2 2v16h11V9h-5V4zm1 14l3-4 2 2 2-3 3 5z');

/** A circle that is open above, with a line in the gap. */
export const POWER = filled('M11 2h2v10h-2zM7.5 5.2l1.1 1.7a6 6 0 1 0 6.8 0l1.1-1.7a8 8 0 1 1-9 0z');

/** An arrow that goes round. */
export const RESTART = filled('M12 5V1L6.5 6.5 12 12V8a5.5 5.5 0 1 1-5.5 5.5H4A8 8 0 1 0 12 5z');

/** A screen with an arrow that leaves it downwards. */
export const GIVE_BACK = filled(
  'M3 4h18a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-3v-2h2V6H4v8h2v2H3a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm8 5h2v8.200l2.600-2.600L17 16l-5 5-5-5 1.400-1.400 2.600 2.600z'
);
