/**
 * The live sessions and the desktops of this server in the panel of what is running; loaded with the first of them.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { IRunningSessions, IRunningSessionManagers } from '@jupyterlab/running';
import type { TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs, describeArgs, RUNNING_CLASS } from './commands';
import { desktopIcon } from './icons';
import type { IDesktop, ISession, IVNCManager } from '../tokens';
import { unattended } from '../viewer/ui/report';

/** Add the sections, and the command in the menu of a desktop. */
export function addRunningSections(
  app: JupyterFrontEnd,
  manager: IVNCManager,
  running: IRunningSessionManagers,
  trans: TranslationBundle
): void {
  // Whoever pressed something is told when it did not work.
  const told = (work: Promise<unknown>): void =>
    unattended(work.catch(error => showErrorMessage(trans.__('This did not work.'), error as Error)));
  const itemOf = (session: ISession): IRunningSessions.IRunningItem => {
    const title = manager.find(session.target)?.title ?? session.target;
    return {
      open: () => told(app.commands.execute(CommandIDs.open, { target: session.target })),
      shutdown: () => told(manager.endSession(session.id)),
      icon: () => desktopIcon,
      label: () => title,
      labelTitle: () => trans.__('%1, opened by %2 at %3', title, session.user, timeOf(session)),
      detail: () =>
        [session.user, timeOf(session), session.mode === 'view' ? trans.__('view only') : '']
          .filter(Boolean)
          .join(' · ')
    };
  };
  const desktopItem = ({ name, state }: IDesktop): IRunningSessions.IRunningItem => ({
    className: RUNNING_CLASS,
    context: name,
    open: () => told(app.commands.execute(CommandIDs.open, { target: name })),
    shutdown: () => told(shutDown(manager, trans, name)),
    icon: () => desktopIcon,
    label: () => titleOf(manager, name),
    labelTitle: () => trans.__('%1: shutting it down ends the programs on it.', titleOf(manager, name)),
    detail: () => (state === 'starting' ? trans.__('Starting') : '')
  });
  app.commands.addCommand(CommandIDs.restartDesktop, {
    label: trans.__('Restart the desktop…'),
    describedBy: describeArgs({
      target: { type: 'string', description: trans.__('Name of the desktop') }
    }),
    execute: async args => {
      const clicked = app.contextMenuHitTest(node => node.classList.contains(RUNNING_CLASS))?.dataset.context;
      const name = String(args.target ?? clicked ?? '');
      if (name) {
        told(restart(manager, trans, name));
      }
    }
  });
  running.add({
    name: trans.__('Remote desktops'),
    running: () => manager.sessions.map(itemOf),
    shutdownAll: () => manager.sessions.forEach(({ id }) => told(manager.endSession(id))),
    refreshRunning: () => unattended(manager.refresh()),
    runningChanged: manager.sessionsChanged,
    shutdownLabel: trans.__('Disconnect'),
    shutdownAllLabel: trans.__('Disconnect All'),
    shutdownAllConfirmationText: trans.__(
      'Disconnect from all remote desktops? The desktops and the programs on them keep running.'
    )
  });
  running.add({
    name: trans.__('Desktops of this server'),
    running: () => manager.desktops.map(desktopItem),
    shutdownAll: () => manager.desktops.forEach(({ name }) => told(manager.stopDesktop(name))),
    refreshRunning: () => unattended(manager.refresh()),
    runningChanged: manager.desktopsChanged,
    shutdownLabel: trans.__('Shut Down'),
    shutdownAllLabel: trans.__('Shut Down All'),
    shutdownAllConfirmationText: trans.__(
      'Shut down all desktops of this server? The programs on them end, and what was not saved is lost.'
    )
  });
}

/** Shut a desktop down, if its reader wants that. */
async function shutDown(manager: IVNCManager, trans: TranslationBundle, name: string): Promise<void> {
  const title = trans.__('Shut down “%1”?', titleOf(manager, name));
  if (await confirm(trans, title, trans.__('Shut Down'))) {
    await manager.stopDesktop(name);
  }
}

/** Restart a desktop, if its reader wants that. */
async function restart(manager: IVNCManager, trans: TranslationBundle, name: string): Promise<void> {
  const title = trans.__('Restart “%1”?', titleOf(manager, name));
  if (await confirm(trans, title, trans.__('Restart'))) {
    await manager.restartDesktop(name);
  }
}

async function confirm(trans: TranslationBundle, title: string, label: string): Promise<boolean> {
  const body = trans.__('The programs on it end, and what was not saved is lost.');
  const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label })];
  return (await showDialog({ title, body, buttons })).button.accept;
}

function titleOf(manager: IVNCManager, name: string): string {
  return manager.find(name)?.title ?? name;
}

/** When a session began, in the reader's own way of writing times. */
function timeOf({ since }: ISession): string {
  return new Date(typeof since === 'number' ? since * 1000 : since).toLocaleString();
}
