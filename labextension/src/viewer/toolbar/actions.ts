/**
 * Everything that a toolbar offers, as one table for both hosts.
 */
import { briefly, type Company } from '../presence';
import type { Scaling } from '../screen/fit';
import type { Hand } from '../hand';
import type { Hands } from '../input/remote-input';
import * as icons from './icons';
import { COMBINATIONS, type Modifier } from '../input/keys';
import type { IMenuItem } from '../ui/menu';
import type { PanelName } from '../panels/panel';
import type { Camera } from '../screen/screenshot';
import { giveBackWords } from '../pool';
import { peopleItems, peopleLabel, toRead } from './people';
import { powerItems } from '../input/power';
import type { Role } from '../input/view-mode';
import type { Sound } from '../sound/sound';
import type { ITranslate } from '../ui/i18n';
import { unattended } from '../ui/report';
import type { WallCamera } from '../wall';
import { wallWords } from '../connection/notices';

/** What the actions need of a viewer. */
export interface IActionable {
  /** Whether pixels are arriving. */
  readonly connected: boolean;
  /** Whether it is connected, or trying to be. */
  readonly active: boolean;
  /** Whether the reader only looks, by choice or because no more is permitted. */
  readonly viewOnly: boolean;
  readonly role: Pick<Role, 'mayChoose'>;
  readonly scaling: Scaling;
  readonly clipboardAllowed: boolean;
  /** Whether a pointer that is dragged moves the view. */
  readonly dragging: boolean;
  readonly hands: Pick<Hands, 'hasPower' | 'isHolding' | 'sendKeys' | 'isHeld' | 'toggleHeld' | 'power'>;
  readonly camera: Pick<Camera, 'canKeep' | 'save'>;
  readonly extras: {
    readonly company: Pick<Company, 'others' | 'count'>;
    readonly hand: Pick<Hand, 'offered' | 'up' | 'toggle'>;
    readonly wall: Pick<WallCamera, 'on'>;
    readonly sound: Pick<Sound, 'offered' | 'able' | 'on' | 'toggle'>;
  };
  readonly fullscreen: boolean;
  readonly mayShare: boolean;
  setScaling(scaling: Scaling): void;
  toggleDragging(): void;
  toggleViewOnly(): void;
  isOpen(panel: PanelName): boolean;
  togglePanel(panel: PanelName): void;
  toggleFullscreen(): Promise<void>;
  /** Absent where the target is one machine. */
  readonly giveBack?: () => void;
  /** Absent where the desktop is not the server's to start, or not the reader's. */
  readonly restart?: () => void;
  /** Absent where the viewer already has a browser tab of its own. */
  readonly openInBrowser?: () => void;
  connect(): void;
  disconnect(): void;
}

/** One action. It either runs, or opens a menu. */
export interface IAction {
  readonly id: string;
  readonly label: (viewer: IActionable | null) => string;
  readonly icon: (viewer: IActionable | null) => string;
  readonly isEnabled: (viewer: IActionable) => boolean;
  readonly isVisible?: (viewer: IActionable) => boolean;
  readonly isPressed?: (viewer: IActionable) => boolean;
  /** Words beside the drawing; empty for none. */
  readonly text?: (viewer: IActionable) => string;
  readonly run?: (viewer: IActionable) => void;
  readonly items?: (viewer: IActionable) => IMenuItem[];
}

/** The choices of the scaling menu. */
export const scalings = (trans: ITranslate): { scaling: Scaling; label: string }[] => [
  { scaling: 'remote', label: trans.__('Desktop takes the size of its frame') },
  { scaling: 'fit', label: trans.__('Fit to the frame') },
  { scaling: 'off', label: trans.__('Actual size (100 %)') }
];

/** The modifiers that can be held down. */
export const modifiers = (trans: ITranslate): { modifier: Modifier; label: string }[] => [
  { modifier: 'control', label: trans.__('Hold Ctrl') },
  { modifier: 'alt', label: trans.__('Hold Alt') },
  { modifier: 'shift', label: trans.__('Hold Shift') },
  { modifier: 'super', label: trans.__('Hold Super') }
];

/** The actions in the order of the toolbar. */
export function createActions(trans: ITranslate): IAction[] {
  return [
    // First, so that it is the last to go where there is little room: nobody watches unseen.
    {
      id: 'people',
      label: viewer => peopleLabel(trans, viewer?.extras.company),
      icon: () => icons.PEOPLE,
      text: viewer => briefly(viewer.extras.company),
      isEnabled: () => true,
      isVisible: viewer => viewer.extras.company.count > 0,
      items: viewer => peopleItems(trans, viewer.extras.company)
    },
    // Nor is anybody shown on a wall without knowing it.
    {
      id: 'wall',
      label: () => wallWords(trans),
      icon: () => icons.WALL,
      isEnabled: () => true,
      isVisible: viewer => viewer.extras.wall.on,
      items: () => [toRead(wallWords(trans))]
    },
    {
      id: 'hand',
      label: () => trans.__('Raise your hand'),
      icon: () => icons.HAND,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => viewer.extras.hand.offered,
      isPressed: viewer => viewer.extras.hand.up,
      run: viewer => viewer.extras.hand.toggle()
    },
    {
      id: 'toggle-connection',
      label: viewer => (viewer?.active ? trans.__('Disconnect') : trans.__('Connect')),
      icon: viewer => (viewer?.active ? icons.DISCONNECT : icons.CONNECT),
      isEnabled: () => true,
      run: viewer => (viewer.active ? viewer.disconnect() : viewer.connect())
    },
    {
      id: 'scaling',
      label: () => trans.__('Size of the desktop'),
      icon: () => icons.SCALING,
      isEnabled: () => true,
      items: viewer => scalingItems(trans, viewer)
    },
    {
      id: 'keys',
      label: () => trans.__('Send keys'),
      icon: () => icons.KEYBOARD,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => !viewer.viewOnly,
      // A modifier that is held down spoils what is typed later: it must be visible.
      isPressed: viewer => viewer.hands.isHolding,
      items: viewer => keyItems(trans, viewer)
    },
    {
      id: 'clipboard',
      label: () => trans.__('Clipboard'),
      icon: () => icons.CLIPBOARD,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => viewer.clipboardAllowed,
      isPressed: viewer => viewer.isOpen('clipboard'),
      run: viewer => viewer.togglePanel('clipboard')
    },
    {
      id: 'keyboard',
      label: () => trans.__('On-screen keyboard and input method'),
      icon: () => icons.TYPE,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => !viewer.viewOnly,
      isPressed: viewer => viewer.isOpen('keyboard'),
      run: viewer => viewer.togglePanel('keyboard')
    },
    {
      id: 'view-only',
      label: () => trans.__('View only'),
      icon: () => icons.EYE,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => viewer.role.mayChoose,
      isPressed: viewer => viewer.viewOnly,
      run: viewer => viewer.toggleViewOnly()
    },
    {
      id: 'sound',
      // The name stays when it is pressed: screen readers say that beside it.
      label: viewer =>
        viewer?.extras.sound.able === false
          ? trans.__('Sound (only on https pages, in a current browser)')
          : trans.__('Sound'),
      icon: viewer => (viewer?.extras.sound.on ? icons.SOUND : icons.MUTED),
      isEnabled: viewer => viewer.extras.sound.on || (viewer.connected && viewer.extras.sound.able),
      isVisible: viewer => viewer.extras.sound.offered,
      isPressed: viewer => viewer.extras.sound.on,
      run: viewer => viewer.extras.sound.toggle()
    },
    {
      id: 'share',
      label: () => trans.__('Share'),
      icon: () => icons.SHARE,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => viewer.mayShare,
      isPressed: viewer => viewer.isOpen('share'),
      run: viewer => viewer.togglePanel('share')
    },
    {
      id: 'fullscreen',
      label: () => trans.__('Full screen'),
      icon: () => icons.FULLSCREEN,
      isEnabled: () => true,
      isPressed: viewer => viewer.fullscreen,
      run: viewer => unattended(viewer.toggleFullscreen())
    },
    {
      id: 'settings',
      label: () => trans.__('Settings'),
      icon: () => icons.SETTINGS,
      isEnabled: () => true,
      isPressed: viewer => viewer.isOpen('settings'),
      run: viewer => viewer.togglePanel('settings')
    },
    {
      id: 'screenshot',
      label: () => trans.__('Save a screenshot'),
      icon: () => icons.SCREENSHOT,
      isEnabled: viewer => viewer.connected,
      run: viewer => unattended(viewer.camera.save())
    },
    {
      id: 'keep-screenshot',
      label: () => trans.__('Save a screenshot to the files'),
      icon: () => icons.FILE,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => viewer.camera.canKeep,
      run: viewer => unattended(viewer.camera.save(true))
    },
    {
      id: 'power',
      label: () => trans.__('Power'),
      icon: () => icons.POWER,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => viewer.hands.hasPower,
      items: viewer => powerItems(trans, viewer.hands)
    },
    {
      id: 'restart',
      label: () => trans.__('Restart the desktop…'),
      icon: () => icons.RESTART,
      isEnabled: () => true,
      isVisible: viewer => viewer.restart !== undefined,
      run: viewer => viewer.restart?.()
    },
    {
      id: 'give-back',
      label: () => giveBackWords(trans),
      icon: () => icons.GIVE_BACK,
      isEnabled: viewer => viewer.connected,
      isVisible: viewer => viewer.giveBack !== undefined,
      run: viewer => viewer.giveBack?.()
    },
    {
      id: 'open-in-browser',
      label: () => trans.__('Open in a browser tab'),
      icon: () => icons.BROWSER_TAB,
      isEnabled: () => true,
      isVisible: viewer => viewer.openInBrowser !== undefined,
      run: viewer => viewer.openInBrowser?.()
    }
  ];
}

function scalingItems(trans: ITranslate, viewer: IActionable): IMenuItem[] {
  const choices = scalings(trans).map(({ scaling, label }) => ({
    // Whoever may only look may not change the desktop for the others either.
    label: scaling === 'remote' && viewer.viewOnly ? trans.__('%1 (not in view mode)', label) : label,
    kind: 'radio' as const,
    checked: viewer.scaling === scaling,
    enabled: scaling !== 'remote' || !viewer.viewOnly,
    run: () => viewer.setScaling(scaling)
  }));
  const drag: IMenuItem = {
    label: trans.__('Move the view by dragging'),
    kind: 'checkbox',
    checked: viewer.dragging,
    enabled: viewer.scaling === 'off',
    separated: true,
    run: () => viewer.toggleDragging()
  };
  return [...choices, drag];
}

function keyItems(trans: ITranslate, viewer: IActionable): IMenuItem[] {
  const combinations = Object.entries(COMBINATIONS).map(([name, { caps }], index, all) => {
    const compact = name.startsWith('ctrl-alt-f');
    const first = compact && !all[index - 1]?.[0].startsWith('ctrl-alt-f');
    return { label: caps, compact, separated: first, run: () => viewer.hands.sendKeys(name) };
  });
  const held = modifiers(trans).map(({ modifier, label }, index) => ({
    label,
    kind: 'checkbox' as const,
    checked: viewer.hands.isHeld(modifier),
    separated: index === 0,
    run: () => viewer.hands.toggleHeld(modifier)
  }));
  const type: IMenuItem = {
    label: trans.__('Type text…'),
    separated: true,
    run: () => viewer.togglePanel('typing')
  };
  return [...combinations, ...held, type];
}
