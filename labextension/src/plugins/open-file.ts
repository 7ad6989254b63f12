/**
 * "Open on desktop" in the context menu of the file browser.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs, describeArgs } from '../lab/commands';
import { type ITarget, IVNCManager } from '../tokens';
import { unattended } from '../viewer/ui/report';

/** Opens files with the applications of a desktop that the server starts. */
export const openFilePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-vnc:open-file',
  description: 'Opens files with the applications of a remote desktop.',
  autoStart: true,
  requires: [IVNCManager, IFileBrowserFactory],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IVNCManager,
    factory: IFileBrowserFactory,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_vnc');
    const paths = (): string[] =>
      [...(factory.tracker.currentWidget?.selectedItems() ?? [])]
        .filter(({ type }) => type !== 'directory')
        .map(({ path }) => app.serviceManager.contents.localPath(path));

    app.commands.addCommand(CommandIDs.openFile, {
      label: () => trans.__('Open on Desktop'),
      caption: () => trans.__('Open with the application that “%1” has for it', chosen(manager)?.title ?? ''),
      isVisible: () => chosen(manager) !== undefined && paths().length > 0,
      describedBy: describeArgs({}),
      execute: async () => {
        const target = chosen(manager)?.name;
        if (target === undefined) {
          return;
        }
        const files = paths();
        unattended(app.commands.execute(CommandIDs.open, { target }));
        await (await import('../lab/files')).openFiles(manager, target, files);
      }
    });
  }
};

/** The desktop that files are opened on: one that runs, else the first that the server can start. */
function chosen({ targets }: IVNCManager): ITarget | undefined {
  const managed = targets.filter(one => one.managed && one.mode === 'control');
  return managed.find(({ state }) => state === 'up') ?? managed[0];
}
