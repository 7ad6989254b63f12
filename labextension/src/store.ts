/**
 * What the reader chose for every desktop, among JupyterLab's settings; loaded with the first desktop.
 */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';

import { DEFAULTS, type ICommonPreferences, type IPreferenceStore } from './viewer/preferences';

/** The settings of the whole extension. */
export const SETTINGS = 'jupyter-vnc:plugin';

/** Keeps the choices in the settings, so that the form and the viewers' panels show the same. */
export class SettingsStore implements IPreferenceStore {
  constructor(private readonly _settings: ISettingRegistry.ISettings) {}

  read(): Partial<ICommonPreferences> {
    const { composite } = this._settings;
    const known = Object.keys(DEFAULTS).filter(key => typeof composite[key] === 'boolean');
    return Object.fromEntries(known.map(key => [key, composite[key]]));
  }

  write(preferences: Partial<ICommonPreferences>): void {
    for (const [key, value] of Object.entries(preferences)) {
      void this._settings.set(key, value === true);
    }
  }

  watch(told: () => void): () => void {
    this._settings.changed.connect(told);
    return () => void this._settings.changed.disconnect(told);
  }
}

/** Keep them there, if there are settings. */
export async function settingsStore(registry: ISettingRegistry | null): Promise<SettingsStore | undefined> {
  try {
    return registry ? new SettingsStore(await registry.load(SETTINGS)) : undefined;
  } catch {
    return undefined; // the browser keeps them instead
  }
}
