/**
 * What a reader chose about viewers: for all desktops, or for one.
 */
import type { IMemory } from './ui/dom';
import { Emitter } from './ui/emitter';

/** When a desktop is seen as video: while much moves, while anything does, or never. */
export type VideoMode = 'auto' | 'always' | 'never';

/** Choices that hold for every desktop. */
export interface ICommonPreferences extends ISwitches {
  /** When a desktop is seen as video, where it can be. */
  readonly video: VideoMode;
}

/** Those that are on or off. */
export interface ISwitches {
  /** Let the measured connection choose quality and compression; off means that they are fixed. */
  readonly adaptive: boolean;
  /** Text copied on one side is on the other, where the browser permits it. */
  readonly seamless: boolean;
  /** The desktop's bell is heard and seen. */
  readonly bell: boolean;
  /** A dot where the desktop shows no pointer. */
  readonly dotCursor: boolean;
  /** The reader's screen stays on while a desktop is looked at. */
  readonly keepAwake: boolean;
  /** A desktop that takes the size of its frame takes it in pixels of the screen, however fine that is. */
  readonly sharp: boolean;
  /** Figures about the connection lie over the desktop. */
  readonly statistics: boolean;
  /** The list of desktops shows the last picture of each; it is kept in this browser. */
  readonly pictures: boolean;
}

/** The best picture that is asked for. */
export interface IPictureChoices {
  /** 0 (least) to 9 (best picture). */
  readonly quality: number;
  /** 0 (none) to 9 (most). */
  readonly compression: number;
}

/** Choices for one desktop: its picture, and how loud it is. */
export interface IOwnPreferences extends IPictureChoices {
  /** 0 (silent) to 10 (as the desktop plays it). */
  readonly volume: number;
}

/** The highest value of each, and of `volume` what holds until the reader chooses. */
export const HIGHEST: IOwnPreferences = { quality: 9, compression: 9, volume: 10 };

/** All of it. */
export type IPreferences = ICommonPreferences & IOwnPreferences;

/** What holds until the reader chooses. */
export const DEFAULTS: ICommonPreferences = {
  adaptive: true,
  seamless: true,
  bell: true,
  dotCursor: false,
  keepAwake: false,
  sharp: false,
  statistics: false,
  pictures: true,
  video: 'auto'
};

/** Where the choices for every desktop are kept; JupyterLab keeps them among its settings. */
export interface IPreferenceStore {
  read(): Partial<ICommonPreferences>;
  write(preferences: Partial<ICommonPreferences>): void;
  /** Tell of choices that were made elsewhere; returns what ends that. */
  watch(told: () => void): () => void;
}

/** Keeps the choices in the browser. */
export function storeIn(memory: IMemory): IPreferenceStore {
  return {
    read: () => parse(memory.get('preferences')),
    write: preferences =>
      memory.set('preferences', JSON.stringify({ ...parse(memory.get('preferences')), ...preferences })),
    watch: () => () => undefined
  };
}

/** The choices that one viewer follows. */
export class Preferences {
  /**
   * @param _memory - keeps the choices for this desktop
   * @param _name - of the target
   * @param _own - what the target's configuration says
   * @param _store - keeps the choices for every desktop
   */
  constructor(
    private readonly _memory: IMemory,
    private readonly _name: string,
    private readonly _own: IPictureChoices,
    private readonly _store: IPreferenceStore = storeIn(_memory)
  ) {
    this._stop = _store.watch(() => this.changed.emit());
  }

  /** Emits after each change. */
  readonly changed = new Emitter<void>();

  /** What holds now. */
  get now(): IPreferences {
    const { quality, compression } = this._own;
    const kept = parse(this._memory.get(`quality:${this._name}`)) as Partial<IOwnPreferences>;
    return {
      ...DEFAULTS,
      ...this._store.read(),
      video: modeOf(this._store.read().video),
      quality: level(kept.quality, quality, HIGHEST.quality),
      compression: level(kept.compression, compression, HIGHEST.compression),
      volume: level(kept.volume, HIGHEST.volume, HIGHEST.volume)
    };
  }

  /** Choose for every desktop. */
  set(preferences: Partial<ICommonPreferences>): void {
    this._store.write(preferences);
    this.changed.emit();
  }

  /** Choose for this desktop. */
  setOwn(preferences: Partial<IOwnPreferences>): void {
    const { quality, compression, volume } = this.now;
    const kept = { quality, compression, volume, ...preferences };
    this._memory.set(`quality:${this._name}`, JSON.stringify(kept));
    this.changed.emit();
  }

  /** Hear of no more changes. */
  dispose(): void {
    this._stop();
    this.changed.clear();
  }

  private readonly _stop: () => void;
}

const MODES: readonly VideoMode[] = ['auto', 'always', 'never'];

function modeOf(value: unknown): VideoMode {
  return MODES.find(mode => mode === value) ?? DEFAULTS.video;
}

/** Whole numbers from 0 to the highest, and nothing else: noVNC takes no other. */
function level(value: unknown, otherwise: number, highest: number): number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= highest
    ? (value as number)
    : otherwise;
}

/** What was kept may be of another version, or of somebody's own making. */
function parse(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
