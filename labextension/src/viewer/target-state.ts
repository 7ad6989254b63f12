/**
 * Whether a target can be reached, and the words for it.
 */
import type { ITranslate } from './ui/i18n';

/** What the server knows of a target. */
export type TargetState =
  'up' | 'down' | 'unknown' | 'starting' | 'stopped' | 'failed' | 'busy' | 'maintenance';

/** The words for each state. */
export const stateWords = (trans: ITranslate): Record<TargetState, string> => ({
  up: trans.__('Running'),
  down: trans.__('Not reachable'),
  starting: trans.__('Starting'),
  stopped: trans.__('Starts when you open it'),
  failed: trans.__('Failed'),
  busy: trans.__('In use'),
  maintenance: trans.__('In maintenance'),
  unknown: ''
});
