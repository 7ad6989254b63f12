/**
 * Opening a desktop in JupyterLab; loaded with the first click.
 */
import { InputDialog } from '@jupyterlab/apputils';

import type { Tab } from '../tokens';
import type { IContext } from './context';
import { createTab } from './widget';
import { unattended } from '../viewer/ui/report';

/** Ask the reader for a desktop; null if none was chosen. */
export async function ask({ manager, trans }: IContext): Promise<string | null> {
  await manager.refresh();
  const { value } = await InputDialog.getItem({
    title: trans.__('Open Remote Desktop'),
    items: manager.targets.map(target => target.title),
    okLabel: trans.__('Open')
  });
  return manager.targets.find(target => target.title === value)?.name ?? null;
}

/** Show a desktop in a tab: the one that it has, or a new one. */
export function openTab(context: IContext, target: string): Tab {
  const { app, manager, tracker, trans, registry, files } = context;
  const open = tracker.find(tab => tab.content.target === target);
  if (open) {
    app.shell.activateById(open.id);
    return open;
  }
  const tab = createTab({
    target,
    manager,
    trans,
    registry,
    files,
    list: () => unattended(app.commands.execute('launcher:create'))
  });
  tab.content.changed.connect(() => app.commands.notifyCommandChanged());
  unattended(tracker.add(tab));
  app.shell.add(tab, 'main', { type: 'Remote Desktop' });
  app.shell.activateById(tab.id);
  return tab;
}
