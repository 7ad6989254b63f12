/**
 * A desktop as a widget. It is light: the viewer is loaded when the widget is first shown.
 */
import { MainAreaWidget } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import { type ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { desktopIcon } from './icons';
import { TAB_TYPE } from './commands';
import type { ITarget, IVNCWidget } from '../tokens';
import type { IVNCWidgetOptions } from './context';
import type { Viewer } from '../viewer/viewer';
import { unattended } from '../viewer/ui/report';

/** A remote desktop. */
export class VNCWidget extends Widget implements IVNCWidget {
  constructor(private readonly _options: IVNCWidgetOptions) {
    super();
    this.addClass('jp-VNC-widget');
    this.title.icon = desktopIcon.bindprops({ stylesheet: 'mainAreaTab' });
    this.title.closable = true;
    this._describe();
    _options.manager.targetsChanged.connect(this._describe, this);
  }

  /** Name of the target. */
  get target(): string {
    return this._options.target;
  }

  /** The viewer, once it is loaded. */
  get viewer(): Viewer | null {
    return this._viewer;
  }

  /** Emitted when the viewer is loaded, and whenever something that is shown of it changes. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted when the connection was measured, and when that ends. */
  get measured(): ISignal<this, void> {
    return this._measured;
  }

  /** Close the connection. */
  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._askNoMore?.();
    this._viewer?.dispose();
    this._viewer = null;
    if (this._connected) {
      unattended(this._options.manager.refresh());
    }
    Signal.clearData(this);
    super.dispose();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._shown();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    if (this.isVisible) {
      this._shown();
    }
  }

  protected override onBeforeHide(msg: Message): void {
    super.onBeforeHide(msg);
    if (this._viewer) {
      this._viewer.visible = false;
    }
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this._viewer?.focus();
  }

  private _shown(): void {
    if (this._viewer) {
      this._viewer.visible = true;
    } else {
      // What failed to load is loaded when the tab is shown again.
      this._loading ??= this._load().catch((error: unknown) => {
        this._loading = null;
        throw error;
      });
    }
  }

  private async _load(): Promise<void> {
    const { manager } = this._options;
    const { askBeforeLeaving, createViewer, settingsStore } = await import(
      /* webpackChunkName: "desktop" */ './viewer-host'
    );
    const [store] = await Promise.all([settingsStore(this._options.registry), manager.ready]);
    if (this.isDisposed) {
      return;
    }
    const viewer = createViewer({ ...this._options, store, found: manager.find(this.target) });
    this._viewer = viewer;
    this.node.append(viewer.node);
    viewer.changed.on(() => {
      this._describe();
      this._changed.emit();
    });
    viewer.extras.quality.sampled.on(() => this._measured.emit());
    // Whoever works in a notebook beside it is not asked for the desktop's sake.
    this._askNoMore = askBeforeLeaving(() => viewer.captured);
    viewer.visible = this.isVisible;
    viewer.connect();
    if (this.node.closest('.jp-MainAreaWidget')?.contains(document.activeElement)) {
      viewer.focus();
    }
  }

  private _describe(): void {
    const { manager, target } = this._options;
    const found: ITarget | undefined = manager.find(target);
    const connected = this._viewer?.connected === true;
    if (connected !== this._connected) {
      this._connected = connected;
      // The lists of sessions, ours and in other windows, need not wait for the next round.
      unattended(manager.refresh());
    }
    this.title.label = found?.title ?? target;
    this.title.caption = this._viewer?.status.sentence ?? this.title.label;
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _measured = new Signal<this, void>(this);
  private _connected = false;
  private _viewer: Viewer | null = null;
  private _askNoMore: (() => void) | null = null;
  private _loading: Promise<void> | null = null;
}

/** A desktop in a tab, with JupyterLab's own toolbar. */
export function createTab(options: IVNCWidgetOptions): MainAreaWidget<VNCWidget> {
  const content = new VNCWidget(options);
  const tab = new MainAreaWidget({ content });
  tab.id = `jupyter-vnc-${options.target}`;
  content.changed.connect(mark);
  content.changed.connect(fill);
  mark();
  return tab;

  /** Tell style sheets and menus what the tab is, and whether it is connected. */
  function mark(): void {
    const phase = content.viewer?.status.phase ?? 'idle';
    tab.title.dataset = { ...tab.title.dataset, type: TAB_TYPE, phase };
  }

  /** The toolbar comes with the viewer. */
  function fill(): void {
    const { viewer } = content;
    if (viewer) {
      content.changed.disconnect(fill);
      unattended(
        import(/* webpackChunkName: "desktop" */ './viewer-host').then(({ fillToolbar }) => {
          if (!tab.isDisposed) {
            fillToolbar(tab.toolbar, viewer, options.trans);
          }
        })
      );
    }
  }
}
