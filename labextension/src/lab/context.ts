/**
 * What is handed round between the commands and the desktops in tabs.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { WidgetTracker } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';

import type { IVNCManager, Tab } from '../tokens';
import type { IFiles } from './files';

/** What the commands work on. */
export interface IContext {
  readonly app: JupyterFrontEnd;
  readonly manager: IVNCManager;
  readonly tracker: WidgetTracker<Tab>;
  readonly trans: IRenderMime.TranslationBundle;
  readonly registry: ISettingRegistry | null;
  readonly files: IFiles;
}

/** What a desktop's widget needs. */
export interface IVNCWidgetOptions {
  /** Name of the target. */
  readonly target: string;
  readonly manager: IVNCManager;
  readonly trans: IRenderMime.TranslationBundle;
  /** Show the reader what else there is. */
  readonly list: () => void;
  /** Keeps what the reader chose; null where there is none. */
  readonly registry: ISettingRegistry | null;
  /** Keeps screenshots. */
  readonly files: IFiles;
}
