/**
 * What the status bar says of desktops; loaded with the first of them.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { IStatusBar } from '@jupyterlab/statusbar';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { desktopIcon } from './icons';
import { CommandIDs } from './commands';
import type { IVNCManager, IVNCTracker } from '../tokens';
import { unattended } from '../viewer/ui/report';

/** The command of JupyterLab that shows what is running. */
const SHOW_RUNNING = 'running:show-panel';

/** What the items show. */
export interface IStatusContext {
  readonly app: JupyterFrontEnd;
  readonly manager: IVNCManager;
  readonly trans: IRenderMime.TranslationBundle;
  readonly tracker: IVNCTracker | null;
}

/** Add the items: how many desktops are connected, and where the keys go. */
export function addStatusItems(bar: IStatusBar, context: IStatusContext): void {
  bar.registerStatusItem('jupyter-vnc:status', countItem(context));
  if (context.tracker) {
    bar.registerStatusItem('jupyter-vnc:keys', keysItem(context.trans, context.tracker));
  }
}

/** The number of live desktops, and how soon the present one answers. */
function countItem({ app, manager, trans, tracker }: IStatusContext): IStatusBar.IItem {
  const show = (): void => {
    const { commands } = app;
    unattended(commands.execute(commands.hasCommand(SHOW_RUNNING) ? SHOW_RUNNING : CommandIDs.open));
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
    const delay = tracker?.currentWidget?.content.viewer?.extras.quality.sample?.delay ?? null;
    const figure = delay === null ? '' : ` · ${Math.round(delay)} ms`;
    const words = [label, delay === null ? '' : trans.__('answers in %1 ms', Math.round(delay))];
    node.title = words.filter(Boolean).join(', ');
    node.setAttribute('aria-label', node.title);
    node.replaceChildren(desktopIcon.element({ tag: 'span', stylesheet: 'statusBar' }), `${count}${figure}`);
  };
  manager.sessionsChanged.connect(update);
  tracker?.currentChanged.connect(update);
  tracker?.forEach(tab => tab.content.measured.connect(update));
  tracker?.widgetAdded.connect((_, tab) => tab.content.measured.connect(update));
  update();
  return {
    item,
    align: 'left',
    rank: 10,
    isActive: () => manager.sessions.length > 0,
    activeStateChanged: manager.sessionsChanged
  };
}

/** Says that keys go to a desktop, and how to get them back. */
function keysItem(trans: IRenderMime.TranslationBundle, tracker: IVNCTracker): IStatusBar.IItem {
  const item = new Widget();
  item.addClass('jp-StatusBar-GroupItem');
  item.addClass('jp-mod-highlighted');
  item.node.textContent = trans.__('Keys go to the desktop (Ctrl+Alt+Shift)');
  item.node.title = trans.__('Keys go to the desktop. Press Ctrl+Alt+Shift to get them back.');
  // With the mouse, too: some of what one clicks elsewhere does not take the focus.
  item.node.addEventListener('click', () => (document.activeElement as HTMLElement | null)?.blur());
  const activeStateChanged = new Signal<Widget, void>(item);
  let captured = false;
  const update = (): void => {
    const now = tracker.currentWidget?.content.viewer?.captured === true;
    if (now !== captured) {
      captured = now;
      activeStateChanged.emit();
    }
  };
  tracker.currentChanged.connect(update);
  tracker.forEach(tab => tab.content.changed.connect(update));
  tracker.widgetAdded.connect((_, tab) => tab.content.changed.connect(update));
  update();
  return { item, align: 'left', rank: 11, isActive: () => captured, activeStateChanged };
}
