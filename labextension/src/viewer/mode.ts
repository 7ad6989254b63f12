/**
 * What a session may do with a desktop; `Mode` of the server.
 */

/** `control`: work with it; `view`: look at it, and nothing else. */
export type Mode = 'control' | 'view';
