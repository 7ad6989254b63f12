/**
 * Notebook's tree: the desktops in its "New" menu, each opening the standalone page.
 */
import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { DisposableDelegate, DisposableSet } from '@lumino/disposable';
import { type Menu, MenuBar } from '@lumino/widgets';

import { CommandIDs } from '../names';
import { IVNCManager } from '../tokens';

/** Adds the entries. */
export const notebookPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-vnc:notebook',
  description: "Lists the remote desktops in the New menu of Notebook's tree.",
  autoStart: true,
  requires: [IVNCManager],
  optional: [ILabShell, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    manager: IVNCManager,
    shell: ILabShell | null,
    browser: IDefaultFileBrowser | null
  ): void => {
    if (shell || !browser) {
      return;
    }
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
    app.serviceManager.kernelspecs.specsChanged.connect(() => void Promise.resolve().then(list));
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
};

/** The menu is not a service that one could ask for: look for it in the toolbar. */
function newMenu(browser: IDefaultFileBrowser): Menu | undefined {
  const bars = [...browser.toolbar.children()].filter(child => child instanceof MenuBar);
  return bars[0]?.menus[0];
}
