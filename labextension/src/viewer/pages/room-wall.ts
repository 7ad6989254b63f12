/**
 * The wall: a tile for each person and desktop. What is still there stays, as in a table that follows a list.
 */
import { doing, tileWidth, unseen } from './room-tiles';
import { type IPerson, isHere } from './room-rows';
import type { IRowAction } from '../ui/live-table';
import type { ITranslate } from '../ui/i18n';
import type { LiveLooks } from './room-live';
import { lookAt } from './room-deeds';
import { openMenu } from '../ui/menu';
import { stateOf } from './room-view';
import { Tile } from './room-tile';
import { unattended } from '../ui/report';

/** What the wall needs of the page. */
export interface IWallPage {
  /** The URL of the service. */
  readonly root: string;
  readonly live: LiveLooks;
  offered(one: IPerson): IRowAction[];
  act(key: string, id: string): void;
  show(): void;
}

/** How far a key leads in the list, with so many tiles in a row. */
const MOVES: Readonly<Record<string, (columns: number) => number>> = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: columns => -columns,
  ArrowDown: columns => columns
};

/** The tiles. */
export class Wall {
  /**
   * @param _list - an empty list
   */
  constructor(
    private readonly _list: HTMLElement,
    private readonly _trans: ITranslate,
    private readonly _page: IWallPage
  ) {
    _list.addEventListener('keydown', event => this._keyDown(event));
    new ResizeObserver(() => {
      this._width = _list.parentElement!.clientWidth;
      this._layOut();
    }).observe(_list.parentElement!);
  }

  /** Whether anybody sees it. */
  set visible(visible: boolean) {
    this._page.live.visible = visible;
  }

  /**
   * Show these people in this order.
   *
   * @param where - where somebody is, in words
   * @param all - everybody who is known: what the others have sent is kept until they are shown
   */
  show(people: readonly IPerson[], where: (one: IPerson) => string, all: readonly IPerson[]): void {
    const focused = document.activeElement as HTMLElement | null;
    const hadFocus = this._list.contains(focused);
    people = this._withLive(people, all);
    const wanted = new Set(people.map(one => one.key));
    this._page.live.keep(wanted);
    this._tiles.forEach((tile, key) => wanted.has(key) || this._remove(key, tile));
    this._forget(all);
    people.forEach((one, at) => {
      const tile = this._tiles.get(one.key) ?? this._add(one.key);
      this._people.set(one.key, one);
      this._fill(tile, one, where(one));
      if (this._list.children[at] !== tile.node) {
        this._list.insertBefore(tile.node, this._list.children[at] ?? null);
      }
    });
    this._layOut();
    if (hadFocus && document.activeElement !== focused) {
      const still = this._list.contains(focused);
      // As in the table: not to another tile's button, which the next press was not meant for.
      const next = still ? focused : this._list.parentElement!.querySelector<HTMLElement>('input');
      next?.focus({ preventScroll: true });
    }
  }

  /** Show a picture of a session, as base64. */
  picture(session: string, data: string): void {
    this._count += 1;
    this._pictures.set(session, { url: `data:image/webp;base64,${data}`, at: this._count });
    for (const [key, one] of this._people) {
      if (one.sessions.some(({ id }) => id === session)) {
        this._draw(this._tiles.get(key)!, one);
      }
    }
  }

  /**
   * Whoever is watched live stays, and in their place, whatever is chosen: to look in takes a hand down, and a desktop
   * must not go, or move, under the pointer of whoever has just opened it.
   */
  private _withLive(people: readonly IPerson[], all: readonly IPerson[]): readonly IPerson[] {
    const isLive = ({ key }: IPerson): boolean => this._page.live.of(key) !== undefined;
    const live = new Map(all.filter(isLive).map(one => [one.key, one]));
    const shown = people.filter(one => !live.has(one.key));
    [...this._list.children].forEach((node, at) => {
      const one = live.get((node as HTMLElement).dataset.key ?? '');
      if (one) {
        live.delete(one.key);
        shown.splice(at, 0, one);
      }
    });
    // Whose tile went while the viewer was loaded.
    return [...shown, ...live.values()];
  }

  private _add(key: string): Tile {
    const tile = new Tile(this._trans, {
      look: () => this._look(key),
      stop: () => this._stop(key),
      more: anchor => this._openMenu(anchor, key)
    });
    tile.node.dataset.key = key;
    this._tiles.set(key, tile);
    return tile;
  }

  private _remove(key: string, tile: Tile): void {
    tile.node.remove();
    this._tiles.delete(key);
    this._people.delete(key);
  }

  private _fill(tile: Tile, one: IPerson, where: string): void {
    const trans = this._trans;
    const others = one.watchers.map(watcher => watcher ?? trans.__('somebody')).join(', ');
    tile.show({
      name: one.name,
      where: one.absent ? '' : where,
      doing: doing(trans, one),
      watched: others && trans.__('watched by %1', others),
      state: one.hand === null ? stateOf(one) : 'hand',
      href: one.shown ? lookAt(this._page.root, one) : null,
      live: this._page.live.of(one.key)?.node ?? null,
      hasMenu: this._page.offered(one).length > 0
    });
    this._draw(tile, one);
  }

  /** The latest picture of somebody's sessions. */
  private _draw(tile: Tile, one: IPerson): void {
    const found = one.sessions.map(({ id }) => this._pictures.get(id)).filter(shot => shot !== undefined);
    found.sort((shot, other) => shot.at - other.at);
    tile.picture(isHere(one) ? (found.at(-1)?.url ?? null) : null, unseen(this._trans, one));
  }

  /** Keep no picture of a session that is over. */
  private _forget(all: readonly IPerson[]): void {
    const there = new Set(all.flatMap(({ sessions }) => sessions.map(({ id }) => id)));
    [...this._pictures.keys()].filter(id => !there.has(id)).forEach(id => this._pictures.delete(id));
  }

  private _look(key: string): void {
    const one = this._people.get(key);
    if (one?.shown) {
      unattended(this._page.live.open(one, () => this._stop(key)).then(() => this._page.show()));
    }
  }

  private _stop(key: string): void {
    this._page.live.close(key);
    this._page.show();
    this._tiles.get(key)?.focus();
  }

  private _openMenu(anchor: HTMLElement, key: string): void {
    const one = this._people.get(key);
    if (one) {
      const items = this._page.offered(one).map(({ id, word, href }) => ({
        label: word,
        run: () => (href === undefined ? this._page.act(key, id) : window.location.assign(href))
      }));
      openMenu(anchor, this._trans.__('Actions: %1', one.name), items);
    }
  }

  private _layOut(): void {
    // Not asked of the page here, which would have to lay out all tiles for the answer.
    const tile = `${tileWidth(this._tiles.size, this._width, window.innerHeight)}px`;
    if (tile !== this._tile) {
      this._tile = tile;
      this._list.style.setProperty('--jp-vnc-tile', tile);
    }
  }

  /** Arrows lead from tile to tile, as many as there are. */
  private _keyDown(event: KeyboardEvent): void {
    const move = MOVES[event.key];
    const tiles = [...this._list.children] as HTMLElement[];
    const at = tiles.findIndex(tile => tile.contains(event.target as Node));
    if (!move || at < 0 || (event.target as Element).closest('.jp-VNC')) {
      return;
    }
    const columns = tiles.filter(tile => tile.offsetTop === tiles[0]!.offsetTop).length;
    const within = tiles[at + move(columns)]?.querySelectorAll<HTMLElement>(
      'a[href]:not([hidden]), button:not([hidden])'
    );
    // A picture that cannot be watched takes no focus, and the buttons of a live one are those of its viewer.
    const next = [...(within ?? [])].find(one => !one.closest('.jp-VNC'));
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }

  private readonly _tiles = new Map<string, Tile>();
  private readonly _people = new Map<string, IPerson>();
  private readonly _pictures = new Map<string, { readonly url: string; readonly at: number }>();
  private _count = 0;
  private _width = 0;
  private _tile = '';
}
