/**
 * What the reader chose for every desktop, among JupyterLab's settings; loaded with the first desktop.
 */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';

import { DEFAULTS, type ICommonPreferences, type IPreferenceStore } from '../viewer/preferences';

/** The settings of the whole extension. */
export const SETTINGS = 'jupyter-vnc:plugin';

/** Keeps the choices in the settings, so that the form and the viewers' panels show the same. */
export class SettingsStore implements IPreferenceStore {
  constructor(private readonly _settings: ISettingRegistry.ISettings) {}

  read(): Partial<ICommonPreferences> {
    const { composite } = this._settings;
    const values = { ...composite, ...this._pending };
    const known = Object.entries(DEFAULTS).flatMap(([key, value]) =>
      typeof values[key] === typeof value ? [key] : []
    );
    return Object.fromEntries(known.map(key => [key, values[key]]));
  }

  write(preferences: Partial<ICommonPreferences>): void {
    for (const [key, value] of Object.entries(preferences)) {
      // What was chosen holds at once; the server takes its time to keep it.
      this._pending[key] = value;
      void this._settings
        .set(key, value)
        .catch(() => undefined)
        .then(() => delete this._pending[key]);
    }
  }

  watch(told: () => void): () => void {
    this._settings.changed.connect(told);
    return () => void this._settings.changed.disconnect(told);
  }

  private readonly _pending: Record<string, boolean | string> = {};
}

/** Keep them there, if there are settings. */
export async function settingsStore(registry: ISettingRegistry | null): Promise<SettingsStore | undefined> {
  try {
    return registry ? new SettingsStore(await registry.load(SETTINGS)) : undefined;
  } catch {
    return undefined; // the browser keeps them instead
  }
}
