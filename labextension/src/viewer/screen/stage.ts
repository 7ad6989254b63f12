/**
 * The elements of a viewer, one above the other: screen, last picture, overlay, panel, hint.
 */
import { ClipboardPanel } from '../panels/clipboard';
import type { IStatus } from '../connection/connection';
import { element } from '../ui/dom';
import { Ghost } from './last-frame';
import { Hint } from './toast';
import { inboxIn, Messages } from './messages';
import type { IViewerOptions } from '../options';
import { type IOverlayActions, Overlay } from './overlay';
import { type IKeyboardOptions, KeyboardBar } from '../panels/keyboard';
import { type PanelName, Panels } from '../panels/panel';
import type { Preferences } from '../preferences';
import { SettingsPanel } from '../panels/settings';
import { SharePanel } from '../panels/share';
import { Startup } from '../connection/startup';
import { TypingPanel } from '../panels/typing';
import type { ITranslate } from '../ui/i18n';

/** What the panels do with a viewer. */
export interface IPanelActions extends Pick<IKeyboardOptions, 'hands' | 'rfb'> {
  /** Give text to the desktop's clipboard. */
  send(text: string): void;
  /** A panel was closed by the reader. */
  closed(panel: PanelName): void;
}

/** What is seen of a viewer. It knows nothing of connections but their status. */
export class Stage {
  constructor(
    private readonly _options: IViewerOptions,
    overlay: IOverlayActions & { readonly read: () => void },
    actions: IPanelActions,
    preferences: Preferences
  ) {
    const { trans, title, settings, clock } = _options;
    this.overlay = new Overlay(trans, overlay, clock, _options.desktop?.logPage);
    this._startup = new Startup(clock, trans, _options.desktop);
    this._startup.heard.on(news => this.overlay.explain(news));
    const { send, hands, closed } = actions;
    this.clipboard = new ClipboardPanel({
      trans,
      policy: settings.clipboard,
      send,
      closed: () => closed('clipboard')
    });
    this.keyboard = new KeyboardBar({ ...actions, trans, closed: () => closed('keyboard') });
    this.panels = new Panels(
      {
        clipboard: () => this.clipboard,
        settings: () =>
          new SettingsPanel(
            trans,
            preferences,
            () => closed('settings'),
            _options.fetchStream !== undefined,
            () => this.oversight,
            _options.fetchVideo && (() => this.lack())
          ),
        typing: () =>
          new TypingPanel(
            trans,
            text => hands.type(text),
            () => closed('typing')
          ),
        keyboard: () => this.keyboard,
        share: () =>
          new SharePanel({
            trans,
            target: _options.name,
            ask: _options.share ?? (() => Promise.reject(new Error())),
            closed: () => closed('share')
          })
      },
      node => this.hint.node.before(node)
    );
    this.hint = new Hint(clock);
    this.messages = new Messages(
      trans,
      inboxIn(_options.tabMemory ?? _options.memory, inboxOf(_options)),
      overlay.read
    );
    this.node.setAttribute('aria-label', title);
    this.node.append(
      this.screen,
      this.ghost.node,
      this.overlay.node,
      this.hint.node,
      this._live,
      this.messages.node
    );
  }

  /** The element; it fills its parent. */
  readonly node = element('div', { className: 'jp-VNC', attributes: { role: 'region', tabindex: '-1' } });

  /** Where noVNC draws. */
  readonly screen = element('div', { className: 'jp-VNC-screen' });

  /** Who may see this desktop besides the reader, as a sentence; empty where nobody may. */
  oversight = '';

  /** Why the reader's browser shows no video; empty where it can. */
  lack = (): string => '';

  readonly ghost = new Ghost();
  readonly overlay: Overlay;
  readonly clipboard: ClipboardPanel;
  readonly keyboard: KeyboardBar;
  readonly panels: Panels;
  readonly hint: Hint;
  readonly messages: Messages;

  /** noVNC's canvas while it has one. */
  get canvas(): HTMLCanvasElement | null {
    return this.screen.querySelector('canvas');
  }

  /** Whether the focus is in here, or nowhere. */
  get mayFocus(): boolean {
    const { activeElement, body } = document;
    return activeElement === body || this.node.contains(activeElement);
  }

  /** Tell a new situation to eyes, ears and style sheets. */
  announce(status: IStatus): void {
    this.node.dataset.state = status.state;
    this.node.dataset.phase = status.phase;
    this._live.textContent = [status.sentence, status.detail].filter(Boolean).join(' ');
    this._startup.follow(status);
  }

  /** Tell of something in passing: to eyes and ears. */
  tell(sentence: string): void {
    this.hint.show(sentence);
    this._live.textContent = sentence;
  }

  /** Name the canvas; whoever may only look does not step into it with the keyboard. */
  nameCanvas(viewOnly: boolean): void {
    const { trans, title } = this._options;
    const attributes = viewOnly ? canvasToSee(trans, title) : canvasToUse(trans, title);
    for (const [name, value] of Object.entries(attributes)) {
      this.canvas?.setAttribute(name, value);
    }
  }

  /** Tell how to get the keyboard back: once, and only to those who have one. */
  hintAtChord(): void {
    const { memory, trans } = this._options;
    if (memory.get('hint') === null && !window.matchMedia('(pointer: coarse)').matches) {
      memory.set('hint', 'shown');
      this.hint.show(trans.__('Keys go to the desktop. Press Ctrl+Alt+Shift to get them back.'));
    }
  }

  /** Leave no timer and no element. */
  dispose(): void {
    this.hint.dispose();
    this.overlay.dispose();
    this._startup.dispose();
    this.node.remove();
  }

  private readonly _startup: Startup;
  private readonly _live = element('div', {
    className: 'jp-VNC-live',
    attributes: { role: 'status', 'aria-live': 'polite' }
  });
}

/** Whoever looks in at somebody else's desktop of the same name gets no message of theirs. */
const inboxOf = ({ name, place = '', lookingIn = false }: IViewerOptions): string =>
  `${place}${name}${lookingIn ? ':looking-in' : ''}`;

const canvasToSee = (trans: ITranslate, title: string): Record<string, string> => ({
  tabindex: '-1',
  role: 'img',
  'aria-label': trans.__('%1: remote desktop, view only.', title)
});

const canvasToUse = (trans: ITranslate, title: string): Record<string, string> => ({
  tabindex: '0',
  role: 'application',
  'aria-label': trans.__('%1: remote desktop. Press Ctrl+Alt+Shift to leave it.', title)
});
