/**
 * Every situation of a viewer in one sentence and one button.
 *
 * The close codes are the ones of `jupyter_vnc/close_codes.py`; a test keeps the two tables equal.
 */
import type { ITranslate } from '../ui/i18n';

/** Where a connection is in its life. */
export type Phase =
  | 'idle' // never connected, or disconnected by the reader
  | 'asking' // waiting for a token
  | 'connecting' // waiting for the websocket
  | 'starting' // the server is dialling the desktop, or starting it
  | 'connected'
  | 'waiting' // counting down to the next attempt
  | 'stopped'; // nothing happens until the reader presses the button

/** The state of a viewer that waits for one of a pool's machines: the server goes on once there is one. */
export const IN_LINE = 'in-line';

/** What can be done about the end of a connection. `retry` is done by itself, the others are a button. */
export type Remedy = 'retry' | 'connect' | 'again' | 'takeover' | 'oust' | 'login' | 'list';

/** The end of a connection, or of the attempt to make one. */
export interface IClosing {
  /** A word for scripts, styles and tests. */
  readonly state: string;
  /** What the reader is told. */
  readonly sentence: string;
  /** What is done about it. */
  readonly action: Remedy;
}

/** Websocket close codes after the upgrade. */
export const closings = (trans: ITranslate): Record<number, IClosing> => ({
  1000: { state: 'ended', sentence: trans.__('The desktop has ended.'), action: 'connect' },
  1001: { state: 'stopping', sentence: trans.__('The server is shutting down.'), action: 'retry' },
  1011: { state: 'internal', sentence: trans.__('Something went wrong in the server.'), action: 'retry' },
  1012: { state: 'restarting', sentence: trans.__('The server is restarting.'), action: 'retry' },
  1013: { state: 'overloaded', sentence: trans.__('The server is too busy at the moment.'), action: 'retry' },
  4400: {
    state: 'protocol',
    sentence: trans.__('The viewer did not keep to the protocol.'),
    action: 'connect'
  },
  4401: { state: 'login', sentence: trans.__('Your login has expired.'), action: 'login' },
  4403: { state: 'denied', sentence: trans.__('You may no longer use this desktop.'), action: 'list' },
  4404: { state: 'gone', sentence: trans.__('This desktop is no longer there.'), action: 'list' },
  4408: {
    state: 'stalled',
    sentence: trans.__('The connection made no progress for too long.'),
    action: 'retry'
  },
  4409: {
    state: 'taken-over',
    sentence: trans.__('Another viewer has taken over this desktop.'),
    action: 'takeover'
  },
  4410: {
    state: 'ended-by-server',
    sentence: trans.__('This session was ended.'),
    action: 'connect'
  },
  4411: {
    state: 'moved',
    sentence: trans.__('You get another machine.'),
    action: 'retry'
  },
  4429: { state: 'limit', sentence: trans.__('Too many desktops are open.'), action: 'again' },
  4502: { state: 'unreachable', sentence: trans.__('The desktop cannot be reached.'), action: 'retry' },
  4503: {
    state: 'credentials',
    sentence: trans.__(
      'The desktop refused the credentials that are configured for it. Tell your administrator.'
    ),
    action: 'list'
  },
  4504: {
    state: 'not-rfb',
    sentence: trans.__('The desktop does not speak the protocol that we expected. Tell your administrator.'),
    action: 'again'
  },
  4505: { state: 'desktop-failed', sentence: trans.__('The desktop failed to start.'), action: 'again' }
});

/** Answers to the request for a token, by HTTP status; 0 is no answer at all. */
export const refusals = (trans: ITranslate): Record<number, IClosing> => ({
  0: { state: 'offline', sentence: trans.__('The server does not answer.'), action: 'retry' },
  400: {
    state: 'protocol',
    sentence: trans.__('The server did not understand this viewer.'),
    action: 'again'
  },
  401: { state: 'login', sentence: trans.__('Your login has expired.'), action: 'login' },
  403: { state: 'denied', sentence: trans.__('You may not use this desktop.'), action: 'list' },
  404: {
    state: 'gone',
    sentence: trans.__('There is no such desktop, or you may not use it.'),
    action: 'list'
  },
  409: {
    state: 'busy',
    sentence: trans.__('This desktop is in use. If you take it over, whoever is in control is disconnected.'),
    action: 'oust'
  },
  421: {
    state: 'misdirected',
    sentence: trans.__('The address of this page is not the one that the server was asked for.'),
    action: 'again'
  },
  429: { state: 'limit', sentence: trans.__('Too many attempts in a short time.'), action: 'retry' },
  503: { state: 'overloaded', sentence: trans.__('The server is too busy at the moment.'), action: 'retry' }
});

/** Ends that have no code of their own. */
export const surprises = (trans: ITranslate) => ({
  /** The websocket never opened: the browser does not say why. */
  refused: {
    state: 'refused',
    sentence: trans.__('The server answers, but the connection was refused or cut on the way.'),
    action: 'retry'
  } as IClosing,
  /** The websocket was open and went away without a word. */
  lost: { state: 'lost', sentence: trans.__('The connection was lost.'), action: 'retry' } as IClosing,
  /** The viewer's own code could not be loaded. */
  unloaded: {
    state: 'unloaded',
    sentence: trans.__('The viewer could not be loaded from the server.'),
    action: 'retry'
  } as IClosing,
  /** noVNC gave up on what it received. */
  garbled: {
    state: 'garbled',
    sentence: trans.__('The desktop sent something that this viewer does not understand.'),
    action: 'again'
  } as IClosing,
  /** noVNC failed at what it received. */
  broken: {
    state: 'broken',
    sentence: trans.__('The viewer failed at what the desktop sent.'),
    action: 'retry'
  } as IClosing,
  /** The desktop announced or sent more than a browser should take. */
  excess: {
    state: 'excess',
    sentence: trans.__('The desktop sends more at once than this viewer takes.'),
    action: 'again'
  } as IClosing,
  /** The desktop asks the browser for a secret, which the server should have given. */
  secret: {
    state: 'credentials',
    sentence: trans.__(
      'The desktop asks for a password that only the server may give. Tell your administrator.'
    ),
    action: 'list'
  } as IClosing
});

/** A screen that would take too much of the browser's memory. */
export const tooLarge = (trans: ITranslate, width: number, height: number): IClosing => ({
  state: 'too-large',
  sentence: trans.__(
    'The screen of the desktop, %1 x %2, is larger than this viewer shows.',
    `${width}`,
    `${height}`
  ),
  action: 'again'
});

/** What the reader is told while nothing is wrong. */
export const progress = (trans: ITranslate, title: string): Record<Phase, string> => ({
  idle: trans.__('“%1” is not connected.', title),
  asking: trans.__('Connecting to “%1”…', title),
  connecting: trans.__('Connecting to “%1”…', title),
  starting: trans.__('Waiting for “%1” to start and answer…', title),
  connected: trans.__('Connected to “%1”.', title),
  waiting: trans.__('The connection was lost.'),
  stopped: trans.__('“%1” is not connected.', title)
});

/** The words on the button of each remedy. */
export const remedies = (trans: ITranslate): Record<Remedy, string> => ({
  retry: trans.__('Retry now'),
  connect: trans.__('Reconnect'),
  again: trans.__('Try again'),
  takeover: trans.__('Take it back'),
  oust: trans.__('Take it over'),
  login: trans.__('Log in'),
  list: trans.__('Back to the list')
});

/** A few words for toolbars. */
export function shortStatus(
  trans: ITranslate,
  { phase, state }: { readonly phase: Phase; readonly state: string },
  viewOnly: boolean
): string {
  const words: Record<Phase, string> = {
    idle: trans.__('Not connected'),
    asking: trans.__('Connecting'),
    connecting: trans.__('Connecting'),
    starting: state === IN_LINE ? trans.__('In the queue') : trans.__('Starting'),
    connected: viewOnly ? trans.__('Connected, view only') : trans.__('Connected'),
    waiting: trans.__('Reconnecting'),
    stopped: trans.__('Not connected')
  };
  return words[phase];
}
