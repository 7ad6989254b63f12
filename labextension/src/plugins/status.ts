/**
 * The number of live desktops in the status bar.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IVNCManager, IVNCTracker } from '../tokens';
import { unattended } from '../viewer/ui/report';

/** Adds the item. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-vnc:status',
  description: 'Shows the number of live remote desktops in the status bar.',
  autoStart: true,
  requires: [IVNCManager],
  optional: [IStatusBar, ITranslator, IVNCTracker],
  activate: (
    app: JupyterFrontEnd,
    manager: IVNCManager,
    bar: IStatusBar | null,
    translator: ITranslator | null,
    tracker: IVNCTracker | null
  ): void => {
    if (!bar) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('jupyter_vnc');
    // There is nothing to tell before the first desktop is opened, here or in another window.
    const begin = (): void => {
      if (manager.sessions.length > 0 || (tracker?.size ?? 0) > 0) {
        manager.sessionsChanged.disconnect(begin);
        tracker?.widgetAdded.disconnect(begin);
        unattended(
          import('../lab/status-items').then(({ addStatusItems }) =>
            addStatusItems(bar, { app, manager, trans, tracker })
          )
        );
      }
    };
    manager.sessionsChanged.connect(begin);
    tracker?.widgetAdded.connect(begin);
    begin();
  }
};
