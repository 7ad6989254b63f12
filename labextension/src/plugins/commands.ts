/**
 * Opens desktops and keeps track of them.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { DisposableSet } from '@lumino/disposable';

import { iconOf } from '../lab/icons';
import { CommandIDs, describeArgs } from '../lab/commands';
import { stateWords } from '../viewer/target-state';
import { IVNCManager, IVNCTracker, type Tab } from '../tokens';
import type { IContext } from '../lab/context';
import { unattended } from '../viewer/ui/report';

/** Opens desktops and provides their tracker. */
export const commandsPlugin: JupyterFrontEndPlugin<IVNCTracker> = {
  id: 'jupyter-vnc:commands',
  description: 'Opens remote desktops and provides a command for each of their actions.',
  autoStart: true,
  requires: [IVNCManager],
  optional: [
    ITranslator,
    ILabShell,
    ILayoutRestorer,
    ISettingRegistry,
    ICommandPalette,
    IMainMenu,
    IDefaultFileBrowser
  ],
  provides: IVNCTracker,
  activate: (
    app: JupyterFrontEnd,
    manager: IVNCManager,
    translator: ITranslator | null,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    palette: ICommandPalette | null,
    menu: IMainMenu | null,
    browser: IDefaultFileBrowser | null
  ): IVNCTracker => {
    const trans = (translator ?? nullTranslator).load('jupyter_vnc');
    const tracker = new WidgetTracker<Tab>({ namespace: 'jupyter-vnc' });
    const files = {
      trans,
      contents: app.serviceManager.contents,
      folder: () => browser?.model.path ?? ''
    };
    const context = { app, manager, tracker, trans, registry, files };
    addOpen(context, shell !== null, settingOf(registry));
    tracker.widgetAdded.connect(addActions);
    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.open,
        // The name and nothing else: a token is asked for when the tab is shown.
        args: tab => ({ target: tab.content.target }),
        name: tab => tab.content.target
      });
    }
    palette?.addItem({ command: CommandIDs.open, category: trans.__('Remote Desktop') });
    listTargets(context, shell !== null ? menu : null, palette);
    return tracker;

    /** There is nothing to act on, and no need for the code of it, before the first desktop is opened. */
    function addActions(): void {
      tracker.widgetAdded.disconnect(addActions);
      unattended(
        import('../lab/action-commands').then(actions => actions.addActionCommands(context, palette))
      );
    }
  }
};

/** Where the reader wants desktops to open; asked for at each click. */
function settingOf(registry: ISettingRegistry | null): () => Promise<'tab' | 'browser'> {
  return async () => {
    try {
      const setting = await registry?.get('jupyter-vnc:plugin', 'openIn');
      return setting?.composite === 'browser' ? 'browser' : 'tab';
    } catch {
      return 'tab';
    }
  };
}

function addOpen(context: IContext, hasTabs: boolean, setting: () => Promise<'tab' | 'browser'>): void {
  const { app, manager, trans } = context;
  app.commands.addCommand(CommandIDs.open, {
    label: args => {
      const title = manager.find(String(args.target))?.title ?? String(args.target ?? '');
      return title === ''
        ? trans.__('Open Remote Desktop…')
        : args.isPalette
          ? trans.__('Open Remote Desktop: %1', title)
          : title;
    },
    caption: args => {
      const target = manager.find(String(args.target));
      const limits = target?.mode === 'view' ? trans.__('view only') : '';
      const said = target
        ? [target.description || target.title, stateWords(trans)[target.state], limits]
        : [];
      return said.filter(Boolean).join(' · ') || trans.__('Open a remote desktop');
    },
    icon: args => (args.isPalette ? undefined : iconOf(manager, manager.find(String(args.target)))),
    describedBy: describeArgs({
      target: { type: 'string', description: trans.__('Name of the desktop; asked for when absent') },
      where: { type: 'string', description: trans.__('"tab" or "browser"; the setting decides when absent') },
      isPalette: { type: 'boolean', description: trans.__('Whether the label is for the palette') }
    }),
    execute: async args => {
      const target =
        typeof args.target === 'string' ? args.target : await (await import('../lab/open-tab')).ask(context);
      if (target === null) {
        return null;
      }
      const where = args.where ?? (hasTabs ? await setting() : 'browser');
      if (where === 'browser' || !hasTabs) {
        window.open(manager.pageOf(target), '_blank', 'noopener');
        return null;
      }
      return (await import('../lab/open-tab')).openTab(context, target);
    }
  });
}

/** An entry for each target in File > New and in the palette, for as long as there is that target. */
function listTargets(
  { manager, trans }: IContext,
  menu: IMainMenu | null,
  palette: ICommandPalette | null
): void {
  const category = trans.__('Remote Desktop');
  let entries = new DisposableSet();
  const list = (): void => {
    entries.dispose();
    entries = new DisposableSet();
    for (const { name: target } of manager.targets) {
      const command = CommandIDs.open;
      if (palette) {
        entries.add(palette.addItem({ command, category, args: { target, isPalette: true } }));
      }
      if (menu) {
        entries.add(menu.fileMenu.newMenu.addItem({ command, args: { target }, rank: 60 }));
      }
    }
  };
  manager.targetsChanged.connect(list);
  list();
}
