/**
 * Two views of the same people: the table, and the wall with a picture of each desktop.
 */
import type { IPerson } from './room-rows';
import type { IRowAction } from '../ui/live-table';
import type { ITranslate } from '../ui/i18n';
import { localMemory } from '../ui/dom';
import { byNeed } from './room-tiles';
import { LiveLooks } from './room-live';
import type { RoomServer } from './room-server';
import { Wall } from './room-wall';
import { WallFeed } from './room-feed';

/** What the views need of the page. */
export interface IViewsPage {
  readonly server: RoomServer;
  readonly version: string;
  /** What can be done about somebody. */
  offered(one: IPerson): IRowAction[];
  /** Do it. */
  act(key: string, id: string): void;
  /** Show everything again. */
  show(): void;
  /** Say what came of something. */
  say(sentence: string): void;
  /** Say why the wall has no pictures, for as long as that is so; empty when it has. */
  complain(sentence: string): void;
}

/** The switch between the two, and the wall. */
export class Views {
  /**
   * @param _section - has the table, buttons `#views [data-view]`, and an element `#wall`
   */
  constructor(
    private readonly _section: HTMLElement,
    trans: ITranslate,
    page: IViewsPage
  ) {
    const list = _section.querySelector<HTMLElement>('#wall')!;
    const { server, version } = page;
    this._live = new LiveLooks(server.root, version, trans, sentence => page.say(sentence));
    this._wall = new Wall(list, trans, { ...page, root: server.root, live: this._live });
    this._feed = new WallFeed(
      server,
      one => this._wall.picture(one.session, one.data),
      refusal => page.complain(refusal ? server.sentence(refusal) : '')
    );
    this._buttons.forEach(node =>
      node.addEventListener('click', () => {
        localMemory.set('room-view', node.dataset.view ?? '');
        this._choose(node.dataset.view === 'wall');
        page.show();
      })
    );
    this._choose(localMemory.get('room-view') === 'wall');
  }

  /** Whether anybody looks at the page. */
  set visible(visible: boolean) {
    this._visible = visible;
    this._follow();
  }

  /** Show these of all people; the table has its own order. */
  show(people: readonly IPerson[], where: (one: IPerson) => string, all: readonly IPerson[]): void {
    if (!this._isWall) {
      this._live.keep(new Set());
    }
    this._wall.show(this._isWall ? byNeed(people) : [], where, all);
  }

  private _choose(wall: boolean): void {
    this._isWall = wall;
    this._section.dataset.view = wall ? 'wall' : 'table';
    this._buttons.forEach(node =>
      node.setAttribute('aria-pressed', String((node.dataset.view === 'wall') === wall))
    );
    this._follow();
  }

  /** Pictures are only asked for while somebody sees them. */
  private _follow(): void {
    this._feed.open = this._isWall && this._visible;
    this._wall.visible = this._isWall && this._visible;
  }

  private get _buttons(): HTMLElement[] {
    return [...this._section.querySelectorAll<HTMLElement>('#views [data-view]')];
  }

  private readonly _live: LiveLooks;
  private readonly _wall: Wall;
  private readonly _feed: WallFeed;
  private _isWall = false;
  private _visible = false;
}
