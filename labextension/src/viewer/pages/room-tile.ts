/**
 * One tile of the wall: the picture, and who it is of. Only what has changed is drawn anew.
 */
import { button, drawing, element } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';
import { MORE } from '../toolbar/icons';

/** What a tile says. */
export interface ITile {
  readonly name: string;
  readonly where: string;
  readonly doing: string;
  /** Who else watches, as words; empty where nobody does. */
  readonly watched: string;
  /** What the page's style tells apart. */
  readonly state: string;
  /** The page of the desktop; null where it cannot be watched. */
  readonly href: string | null;
  /** The live desktop in the place of the picture. */
  readonly live: HTMLElement | null;
  readonly hasMenu: boolean;
}

/** What can be done with it. */
export interface ITileActions {
  look(): void;
  stop(): void;
  more(anchor: HTMLElement): void;
}

/** A tile; its `node` goes into the list. */
export class Tile {
  constructor(
    private readonly _trans: ITranslate,
    actions: ITileActions
  ) {
    this._shot.addEventListener('click', event => {
      // Another tab or window, if that is what somebody asks the browser for.
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        actions.look();
      }
    });
    this._image.decoding = 'async';
    // Of some hundred, most are not on the screen, and the browser would decode each of their pictures for nobody. One that
    // does not say which it skips gets them all.
    this.node.addEventListener('contentvisibilityautostatechange', event => {
      this._skipped = (event as ContentVisibilityAutoStateChangeEvent).skipped;
      this._draw();
    });
    this._more = button({
      className: 'jp-VNC-tool',
      attributes: { 'aria-haspopup': 'menu', 'aria-expanded': 'false' },
      children: [drawing(MORE)],
      onClick: () => actions.more(this._more)
    });
    this._stop = button({
      className: 'jp-VNC-button',
      text: _trans.__('Stop'),
      onClick: () => actions.stop()
    });
    this.node.append(
      element('div', { className: 'jp-VNC-frame', children: [this._shot, this._live] }),
      element('div', {
        className: 'jp-VNC-caption',
        children: [
          element('div', { children: [this._name, this._doing, this._where, this._watched] }),
          this._stop,
          this._more
        ]
      })
    );
  }

  /** The element to show. */
  readonly node = element('li', { className: 'jp-VNC-tile' });

  /** Put the focus on its picture. */
  focus(): void {
    this._shot.focus({ preventScroll: true });
  }

  /** Show what it says. */
  show({ name, where, doing, watched, state, href, live, hasMenu }: ITile): void {
    const trans = this._trans;
    setText(this._name, name);
    setText(this._where, where);
    setText(this._doing, doing);
    setAttribute(this._doing, 'title', doing);
    setText(this._watched, watched);
    setAttribute(this.node, 'data-state', state);
    setAttribute(this._shot, 'href', href);
    setAttribute(this._shot, 'aria-label', href === null ? null : trans.__('Watch %1 live: %2', name, doing));
    setAttribute(this._more, 'aria-label', trans.__('Actions: %1', name));
    setAttribute(this._stop, 'aria-label', trans.__('Stop watching %1', name));
    this._more.hidden = !hasMenu;
    this._stop.hidden = live === null;
    this._shot.hidden = live !== null;
    this.node.classList.toggle('jp-mod-live', live !== null);
    if (this._live.firstElementChild !== live) {
      this._live.replaceChildren(...(live ? [live] : []));
    }
  }

  /** Show a picture; the words stand there while there is none. */
  picture(url: string | null, words: string): void {
    this._url = url;
    this._image.hidden = url === null;
    this._draw();
    setText(this._none, url === null ? words : '');
  }

  private _draw(): void {
    if (this._url === null) {
      this._image.removeAttribute('src');
    } else if (!this._skipped && this._drawn !== this._url) {
      this._image.src = this._url;
    }
    if (this._url === null || !this._skipped) {
      this._drawn = this._url;
    }
  }

  private _url: string | null = null;
  private _drawn: string | null = null;
  private _skipped = false;
  private readonly _image = element('img', { attributes: { alt: '' } });
  private readonly _none = element('span', { className: 'jp-VNC-none' });
  private readonly _shot = element('a', { className: 'jp-VNC-shot', children: [this._image, this._none] });
  private readonly _live = element('div', { className: 'jp-VNC-livePlace' });
  private readonly _name = element('h3');
  private readonly _doing = element('p', { className: 'jp-VNC-doing' });
  private readonly _where = element('p');
  private readonly _watched = element('p');
  private readonly _more: HTMLButtonElement;
  private readonly _stop: HTMLButtonElement;
}

function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function setAttribute(node: HTMLElement, name: string, value: string | null): void {
  if (value === null) {
    node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) {
    node.setAttribute(name, value);
  }
}
