/**
 * Everything that a desktop in JupyterLab needs once it is opened; loaded on first use.
 */
import type { Toolbar } from '@jupyterlab/apputils';
import { ReactWidget, ToolbarButtonComponent } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { addToolbarButtonClass } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import '../../style/index.css';

import { actionIcon } from './icons';
import { keepFile } from './files';
import type { SettingsStore } from './settings-store';
import type { ITarget } from '../tokens';
import { VERSION } from '../version';
import { createActions, type IAction } from '../viewer/toolbar/actions';
import { browserClock } from '../viewer/ui/clock';
import { localMemory, tabMemory } from '../viewer/ui/dom';
import { openMenu } from '../viewer/ui/menu';
import { loaderOf } from '../viewer/engine/novnc';
import type { IViewerSettings } from '../viewer/options';
import { giveBack, KEEP, stay } from '../viewer/pool';
import { managed } from '../viewer/connection/startup';
import { shortStatus } from '../viewer/connection/status';
import { Viewer } from '../viewer/viewer';
import type { IVNCWidgetOptions } from './context';
import { unattended } from '../viewer/ui/report';

/** For a target that the server no longer lists: the attempt to connect will say so. */
const UNKNOWN: IViewerSettings = {
  resize: 'remote',
  quality: 6,
  compression: 2,
  clipboard: 'off',
  power: false
};

export { settingsStore } from './settings-store';
export { askBeforeLeaving } from '../viewer/input/confirm-close';

/** What a viewer in JupyterLab needs. */
interface ILabViewerOptions extends IVNCWidgetOptions {
  readonly found: ITarget | undefined;
  readonly store: SettingsStore | undefined;
}

/** Make the viewer of a target. */
export function createViewer(options: ILabViewerOptions): Viewer {
  const { target, manager, trans, list, found, store, files } = options;
  const mode = found?.mode ?? 'control';
  return new Viewer({
    name: target,
    title: found?.title ?? target,
    mode,
    settings: found?.viewer ?? UNKNOWN,
    trans,
    fetchToken: (signal, takeover) => manager.requestToken(target, mode, signal, takeover),
    fetchStream: found?.sound
      ? (session, signal) => manager.requestStream(target, session, signal)
      : undefined,
    fetchVideo: found?.video
      ? (session, signal) => manager.requestStream(target, session, signal, 'video')
      : undefined,
    fetchViewers: () => manager.fetchViewers(target),
    desktop: managed(manager.root, target, (path, init) =>
      manager.request(`${path}?no_track_activity=1`, init)
    ),
    mayRestart: found?.managed === true && found.mode === 'control',
    loadRFB: (loadRFB ??= loaderOf(manager.root, VERSION)),
    openSocket: (path, protocols) => manager.openSocket(path, protocols),
    clock: browserClock,
    random: Math.random,
    memory: localMemory,
    tabMemory,
    store,
    place: manager.root,
    probe: () => manager.probe(),
    keepFile: (data, name) => keepFile(files, data, name),
    // The list of desktops is the smallest page of ours behind the login.
    login: () => openPage(manager.root),
    list,
    share: found?.share ? (path, init) => manager.request(`api/shares${path}`, init) : undefined,
    giveBack: found?.pool ? () => unattended(giveMachineBack(options)) : undefined,
    stay: () => unattended(stay(trans, () => manager.request(leaseOf(target), KEEP))),
    openInBrowser: () => openPage(manager.pageOf(target))
  });
}

async function giveMachineBack({ manager, target, trans }: ILabViewerOptions): Promise<void> {
  await giveBack(trans, () => manager.request(leaseOf(target), { method: 'DELETE' }));
  unattended(manager.refresh());
}

function leaseOf(target: string): string {
  return `api/leases/${encodeURIComponent(target)}`;
}

let loadRFB: ReturnType<typeof loaderOf> | undefined;

/** Open one of the server's pages in a browser tab that cannot reach back into this one. */
export function openPage(url: string): void {
  window.open(url, '_blank', 'noopener');
}

/** Fill JupyterLab's toolbar with the state and the viewer's actions. */
export function fillToolbar(toolbar: Toolbar, viewer: Viewer, trans: IRenderMime.TranslationBundle): void {
  const update: (() => void)[] = [];
  const state = new Widget();
  state.addClass('jp-VNC-state');
  update.push(() => {
    state.node.textContent = shortStatus(trans, viewer.status, viewer.viewOnly);
    state.node.dataset.phase = viewer.status.phase;
  });
  toolbar.addItem('state', state);
  for (const action of createActions(trans)) {
    const item = new ActionButton(action, viewer);
    toolbar.addItem(action.id, item);
    update.push(() => item.refresh());
  }
  const stop = viewer.changed.on(() => update.forEach(run => run()));
  toolbar.disposed.connect(stop);
  update.forEach(run => run());
}

/** A button whose words, drawing and state follow the viewer. */
class ActionButton extends ReactWidget {
  constructor(
    private readonly _action: IAction,
    private readonly _viewer: Viewer
  ) {
    super();
    addToolbarButtonClass(this);
    this.node.dataset.action = _action.id;
  }

  /** Show what the viewer is like now. */
  refresh(): void {
    const { _action: action, _viewer: viewer } = this;
    this.setHidden(!(action.isVisible?.(viewer) ?? true));
    this.update();
  }

  override render(): React.JSX.Element {
    const { _action: action, _viewer: viewer } = this;
    const label = action.label(viewer);
    return React.createElement(ToolbarButtonComponent, {
      icon: actionIcon(action.id, action.icon(viewer)),
      tooltip: label,
      label: action.text?.(viewer),
      iconLabel: label,
      enabled: action.isEnabled(viewer),
      pressed: action.isPressed?.(viewer),
      'aria-haspopup': action.items ? 'menu' : undefined,
      onClick: () => this._run(label)
    });
  }

  private _run(label: string): void {
    const { _action: action, _viewer: viewer } = this;
    const anchor = this.node.querySelector<HTMLElement>('.jp-ToolbarButtonComponent') ?? this.node;
    // The button takes the focus after the click; what the action focuses must have it after that.
    requestAnimationFrame(() =>
      action.items ? openMenu(anchor, label, action.items(viewer)) : action.run?.(viewer)
    );
  }
}
