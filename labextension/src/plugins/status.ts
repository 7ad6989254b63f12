/**
 * The number of live desktops in the status bar.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { desktopIcon } from '../icons';
import { CommandIDs } from '../names';
import { IVNCManager, IVNCTracker } from '../tokens';

/** The command of JupyterLab that shows what is running. */
const SHOW_RUNNING = 'running:show-panel';

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
    const show = (): void => {
      const { commands } = app;
      void commands.execute(commands.hasCommand(SHOW_RUNNING) ? SHOW_RUNNING : CommandIDs.open);
    };
    // The classes are the status bar's own: this item needs no style sheet.
    const node = document.createElement('div');
    node.className = 'jp-StatusBar-GroupItem jp-mod-highlighted';
    node.tabIndex = 0;
    node.setAttribute('role', 'button');
    node.addEventListener('click', show);
    node.addEventListener('keydown', event => event.key === 'Enter' && show());
    const item = new Widget({ node });
    const update = (): void => {
      const count = manager.sessions.length;
      const label = trans._n(
        '%1 remote desktop is connected',
        '%1 remote desktops are connected',
        count,
        count
      );
      const delay = tracker?.currentWidget?.content.viewer?.extras.sample?.delay ?? null;
      const figure = delay === null ? '' : ` · ${Math.round(delay)} ms`;
      const words = [label, delay === null ? '' : trans.__('answers in %1 ms', Math.round(delay))];
      node.title = words.filter(Boolean).join(', ');
      node.setAttribute('aria-label', node.title);
      node.replaceChildren(desktopIcon.element({ width: '16px', height: '16px' }), `${count}${figure}`);
    };
    manager.sessionsChanged.connect(update);
    tracker?.currentChanged.connect(update);
    tracker?.widgetAdded.connect((_, tab) => tab.content.measured.connect(update));
    update();
    bar.registerStatusItem('jupyter-vnc:status', {
      item,
      align: 'left',
      rank: 10,
      isActive: () => manager.sessions.length > 0,
      activeStateChanged: manager.sessionsChanged
    });
  }
};
