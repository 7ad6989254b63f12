/**
 * Provides the manager of targets and sessions.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

// The manager is what this plugin provides, and the others need at once.
// eslint-disable-next-line jupyter/prefer-lazy-imports
import { VNCManager } from '../services/manager';
import { IVNCManager } from '../tokens';

/** The settings of the whole extension belong to this plugin (`schema/plugin.json`). */
export const managerPlugin: JupyterFrontEndPlugin<IVNCManager> = {
  id: 'jupyter-vnc:plugin',
  description: 'Provides the manager of remote desktops and their sessions.',
  autoStart: true,
  provides: IVNCManager,
  activate: (app: JupyterFrontEnd): IVNCManager => {
    const { serverSettings, events } = app.serviceManager;
    return new VNCManager(serverSettings, 'when-hidden', events?.stream);
  }
};
