/**
 * Desktops that an instructor watches live on the wall, several at once. The viewer is loaded for the first of them.
 */
import type { ILook, ILookOptions } from './look';
import type { IPerson } from './room-rows';
import type { ITranslate } from '../ui/i18n';
import { report } from '../ui/report';

/** The most at once: each is a session of its own, and browsers draw so many well. */
export const MOST_LIVE = 9;

interface IModule {
  watch(options: ILookOptions): ILook;
}

/** The live desktops of one wall, by the keys of people. */
export class LiveLooks {
  /**
   * @param _root - the URL of the service
   * @param _version - goes into the URL of the viewer's script
   * @param _say - tells why one was not opened
   * @param _load - gets the viewer's script; replaced in tests
   */
  constructor(
    private readonly _root: string,
    private readonly _version: string,
    private readonly _trans: ITranslate,
    private readonly _say: (sentence: string) => void,
    private readonly _load: (url: string) => Promise<IModule> = importURL
  ) {}

  /** The live desktop of somebody, if there is one. */
  of(key: string): ILook | undefined {
    return this._looks.get(key);
  }

  /**
   * Watch somebody's desktop.
   *
   * @param closed - told when the viewer wants to be closed
   */
  async open(one: IPerson, closed: () => void): Promise<void> {
    const { _trans: trans } = this;
    if (this._isFull()) {
      return;
    }
    const url = `${this._root}static/viewer/look.js?v=${encodeURIComponent(this._version)}`;
    let module: IModule;
    try {
      module = await this._load(url);
    } catch (error) {
      report(error);
      this._say(trans.__('The viewer could not be loaded from the server.'));
      return;
    }
    // A second press, or the ones after many others, while the script came.
    if (this._looks.has(one.key) || this._isFull()) {
      return;
    }
    const look = module.watch({
      root: this._root,
      version: this._version,
      trans,
      target: one.target,
      owner: one.name,
      server: one.server ?? undefined,
      closed
    });
    this._looks.set(one.key, look);
    look.visible = this._visible;
  }

  private _isFull(): boolean {
    const full = this._looks.size >= MOST_LIVE;
    if (full) {
      this._say(this._trans.__('No more desktops can be live at once. Stop one first.'));
    }
    return full;
  }

  /** Stop watching somebody. */
  close(key: string): void {
    this._looks.get(key)?.dispose();
    this._looks.delete(key);
  }

  /** Stop watching all but these. */
  keep(keys: ReadonlySet<string>): void {
    [...this._looks.keys()].filter(key => !keys.has(key)).forEach(key => this.close(key));
  }

  /** Whether anybody sees them. */
  set visible(visible: boolean) {
    this._visible = visible;
    this._looks.forEach(look => (look.visible = visible));
  }

  private readonly _looks = new Map<string, ILook>();
  private _visible = true;
}

/** Import by URL in a way that bundlers leave alone. */
function importURL(url: string): Promise<IModule> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ new URL(url, document.baseURI).href);
}
