/**
 * The live sessions in the panel of what is running.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IVNCManager } from '../tokens';
import { unattended } from '../viewer/ui/report';

/** Adds the section. */
export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-vnc:running',
  description: 'Lists the sessions on remote desktops in the running panel, and ends them.',
  autoStart: true,
  requires: [IVNCManager],
  optional: [IRunningSessionManagers, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IVNCManager,
    running: IRunningSessionManagers | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_vnc');
    // There is nothing to list before the first desktop is opened, here or in another window.
    const begin = (): void => {
      if (running && (manager.sessions.length > 0 || manager.desktops.length > 0)) {
        manager.sessionsChanged.disconnect(begin);
        manager.desktopsChanged.disconnect(begin);
        unattended(
          import('../lab/running-sections').then(({ addRunningSections }) =>
            addRunningSections(app, manager, running, trans)
          )
        );
      }
    };
    manager.sessionsChanged.connect(begin);
    manager.desktopsChanged.connect(begin);
    begin();
  }
};
