/**
 * A tile in the launcher for each target.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { DisposableSet } from '@lumino/disposable';

import { CommandIDs } from '../lab/commands';
import { IVNCManager } from '../tokens';

/** After notebooks and consoles, before whatever else there is. */
const CATEGORY_RANK = 50;

/** Adds the tiles. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-vnc:launcher',
  description: 'Shows a tile for each remote desktop in the launcher.',
  autoStart: true,
  requires: [IVNCManager],
  optional: [ILauncher, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    manager: IVNCManager,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ): void => {
    if (!launcher) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('jupyter_vnc');
    let tiles = new DisposableSet();
    // A tile shows its state as it was made: new states need new tiles.
    const list = (): void => {
      tiles.dispose();
      tiles = new DisposableSet();
      manager.targets.forEach(({ name: target, category }, rank) => {
        const own = category && category !== 'Desktops';
        tiles.add(
          launcher.add({
            command: CommandIDs.open,
            args: { target },
            category: own ? category : trans.__('Desktops'),
            categoryRank: CATEGORY_RANK,
            rank
          })
        );
      });
    };
    manager.targetsChanged.connect(list);
    list();
  }
};
