/**
 * The desktops in the "New" menu of Notebook's tree; loaded where there is that menu.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { DisposableDelegate, DisposableSet } from '@lumino/disposable';
import { type Menu, MenuBar } from '@lumino/widgets';

import { CommandIDs } from './commands';
import type { IVNCManager } from '../tokens';
import { unattended } from '../viewer/ui/report';

/** Add an entry for each desktop, for as long as there is that desktop. */
export function fillNewMenu(app: JupyterFrontEnd, manager: IVNCManager, browser: IDefaultFileBrowser): void {
  let entries = new DisposableSet();
  const list = (): void => {
    entries.dispose();
    entries = new DisposableSet();
    // The menu is the file browser's.
    // eslint-disable-next-line jupyter/require-disposable-transfer
    const menu = newMenu(browser);
    if (menu && manager.targets.length > 0) {
      const add = (options: Menu.IItemOptions): void => {
        const item = menu.addItem(options);
        entries.add(new DisposableDelegate(() => menu.removeItem(item)));
      };
      add({ type: 'separator' });
      for (const { name: target } of manager.targets) {
        add({ command: CommandIDs.open, args: { target, where: 'browser' } });
      }
    }
  };
  manager.targetsChanged.connect(list);
  // New kernels make Notebook build its menu anew, before or after this is told of them.
  app.serviceManager.kernelspecs.specsChanged.connect(() => unattended(Promise.resolve().then(list)));
  // The toolbar is built from settings, some time after this plugin.
  const { node } = browser.toolbar;
  const built = new MutationObserver(() => {
    if (newMenu(browser)) {
      built.disconnect();
      list();
    }
  });
  built.observe(node, { childList: true });
  list();
}

/** The menu is not a service that one could ask for: look for it in the toolbar. */
function newMenu(browser: IDefaultFileBrowser): Menu | undefined {
  const bars = [...browser.toolbar.children()].filter(child => child instanceof MenuBar);
  return bars[0]?.menus[0];
}
