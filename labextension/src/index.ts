/**
 * The plugins of the extension. Each can be disabled by itself.
 */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { commandsPlugin } from './plugins/commands';
import { launcherPlugin } from './plugins/launcher';
import { managerPlugin } from './plugins/manager';
import { notebookPlugin } from './plugins/notebook';
import { openFilePlugin } from './plugins/open-file';
import { runningPlugin } from './plugins/running';
import { statusPlugin } from './plugins/status';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  managerPlugin,
  commandsPlugin,
  launcherPlugin,
  runningPlugin,
  statusPlugin,
  notebookPlugin,
  openFilePlugin
];

export default plugins;
