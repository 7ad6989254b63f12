/**
 * The panel of settings: quality, and what a viewer does beside showing a desktop.
 */
import { element } from '../ui/dom';
import { type IPanel, panel } from './panel';
import {
  HIGHEST,
  type IOwnPreferences,
  type ISwitches,
  type Preferences,
  type VideoMode
} from '../preferences';
import type { ITranslate } from '../ui/i18n';

/** The switches, in their order. */
export const switches = (trans: ITranslate): { key: keyof ISwitches; label: string }[] => [
  { key: 'seamless', label: trans.__('Share the clipboard automatically') },
  { key: 'bell', label: trans.__('Ring the bell of the desktop') },
  { key: 'dotCursor', label: trans.__('Show a dot where there is no pointer') },
  { key: 'keepAwake', label: trans.__('Keep my screen on') },
  { key: 'sharp', label: trans.__('Use every pixel of my screen') },
  { key: 'statistics', label: trans.__('Show statistics') },
  { key: 'pictures', label: trans.__('Show the last picture in the list of desktops') }
];

/** The panel; its `node` goes into the viewer. */
export class SettingsPanel implements IPanel {
  constructor(
    private readonly _trans: ITranslate,
    private readonly _preferences: Preferences,
    closed: () => void,
    heard = false,
    private readonly _notice: () => string = () => '',
    video?: () => string
  ) {
    this.node = panel(_trans, _trans.__('Settings'), closed, [
      this._switch('adaptive', _trans.__('Adapt quality to the connection')),
      this._slider('quality', _trans.__('Quality')),
      this._slider('compression', _trans.__('Compression')),
      ...(heard ? [this._slider('volume', _trans.__('Volume'))] : []),
      ...(video ? this._video(video) : []),
      element('hr'),
      ...switches(_trans).map(({ key, label }) => this._switch(key, label)),
      this._overseen
    ]);
    _preferences.changed.on(() => this._update());
  }

  readonly node: HTMLElement;

  toggle(open: boolean): void {
    this.node.hidden = !open;
    if (open) {
      this._update();
      this.node.querySelector('input')?.focus();
    }
  }

  private _switch(key: keyof ISwitches, label: string): HTMLElement {
    const input = element('input', { attributes: { type: 'checkbox', name: key } });
    input.addEventListener('change', () => this._preferences.set({ [key]: input.checked }));
    this._updates.push(() => (input.checked = this._preferences.now[key]));
    return element('label', { children: [input, element('span', { text: label })] });
  }

  /** When a desktop is seen as video, and why it is not where the browser cannot. */
  private _video(lack: () => string): HTMLElement[] {
    const { _trans: trans } = this;
    const modes: [VideoMode, string][] = [
      ['auto', trans.__('While much moves')],
      ['always', trans.__('While anything moves')],
      ['never', trans.__('Never')]
    ];
    const select = element('select', {
      attributes: { name: 'video' },
      children: modes.map(([value, text]) => element('option', { text, attributes: { value } }))
    });
    const why = element('p', { className: 'jp-VNC-note' });
    select.addEventListener('change', () => this._preferences.set({ video: select.value as VideoMode }));
    this._updates.push(() => {
      select.value = this._preferences.now.video;
      why.textContent = lack();
      select.disabled = why.textContent !== '';
      why.hidden = !select.disabled;
    });
    const label = element('label', {
      className: 'jp-VNC-choice',
      children: [element('span', { text: trans.__('Video') }), select]
    });
    return [label, why];
  }

  private _slider(key: keyof IOwnPreferences, label: string): HTMLElement {
    const input = element('input', {
      attributes: { type: 'range', name: key, min: '0', max: String(HIGHEST[key]) }
    });
    const value = element('output');
    input.addEventListener('change', () => this._preferences.setOwn({ [key]: Number(input.value) }));
    input.addEventListener('input', () => (value.textContent = input.value));
    this._updates.push(() => {
      const { [key]: now, adaptive } = this._preferences.now;
      input.value = String(now);
      value.textContent = adaptive && key !== 'volume' ? this._limit(key, now) : String(now);
    });
    return element('label', {
      className: 'jp-VNC-slider',
      children: [element('span', { text: label }), input, value]
    });
  }

  private _limit(key: 'quality' | 'compression', now: number): string {
    return key === 'quality'
      ? this._trans.__('at most %1', String(now))
      : this._trans.__('at least %1', String(now));
  }

  private _update(): void {
    this._updates.forEach(update => update());
    this._overseen.textContent = this._notice();
  }

  private readonly _updates: (() => void)[] = [];
  private readonly _overseen = element('p', { className: 'jp-VNC-overseen' });
}
