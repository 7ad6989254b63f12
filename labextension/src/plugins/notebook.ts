/**
 * Notebook's tree: the desktops in its "New" menu, each opening the standalone page.
 */
import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';

import { IVNCManager } from '../tokens';
import { unattended } from '../viewer/ui/report';

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
    if (!shell && browser) {
      unattended(import('../lab/new-menu').then(({ fillNewMenu }) => fillNewMenu(app, manager, browser)));
    }
  }
};
