/**
 * Names and words that several plugins share.
 */
import type { ReadonlyJSONObject } from '@lumino/coreutils';

/** The commands that plugins call by name. The actions of the toolbar are commands too. */
export const CommandIDs = {
  /** Open a desktop: `{ target?, where? }`. */
  open: 'jupyter-vnc:open',
  /** Open the selected file on a desktop. */
  openFile: 'jupyter-vnc:open-file',
  /** Restart a desktop of the server: `{ target? }`, by default the one whose entry was clicked. */
  restartDesktop: 'jupyter-vnc:restart-desktop',
  /** Choose how the present desktop fits: `{ scaling }`. */
  scaling: 'jupyter-vnc:scaling',
  /** Send a combination of keys to the present desktop: `{ keys }`. */
  keys: 'jupyter-vnc:keys'
} as const;

/** Marks the entries of the server's desktops in the running panel, for the context menu of the settings schema. */
export const RUNNING_CLASS = 'jp-mod-vnc-desktop';

/** Marks the tabs of desktops, for the context menu of the settings schema. */
export const TAB_TYPE = 'jupyter-vnc-desktop';

/** The description of a command's arguments, none of which is compulsory. */
export function describeArgs(properties: ReadonlyJSONObject): { args: ReadonlyJSONObject } {
  return { args: { type: 'object', properties } };
}
