/**
 * What a reader does to a desktop beside using the own keyboard and mouse: combinations of keys, modifiers that stay
 * down, texts that are typed, and the power switch.
 */
import type { IClock } from '../ui/clock';
import { Emitter } from '../ui/emitter';
import { COMBINATIONS, HeldModifiers, type Modifier, pressKeys } from './keys';
import type { IRFB } from '../engine/novnc';
import { Typist } from './typist';

/** What can be done to the machine of a desktop. */
export type PowerAction = 'shutdown' | 'reboot' | 'reset';

const SWITCHES = { shutdown: 'machineShutdown', reboot: 'machineReboot', reset: 'machineReset' } as const;

/** The hands of one viewer. They do nothing while there is no desktop. */
export class Hands {
  /**
   * @param _rfb - the desktop, while there is one
   * @param clock - paces what is typed
   * @param _mayPower - whether the reader may use the power switch, where there is one
   */
  constructor(
    private readonly _rfb: () => IRFB | null,
    clock: IClock,
    private readonly _mayPower: boolean
  ) {
    this._typist = new Typist(clock);
  }

  /** Emits after keys were sent or a modifier changed: the desktop wants the focus back. */
  readonly done = new Emitter<void>();

  /** Whether the desktop's machine can be shut down from here. */
  get hasPower(): boolean {
    const rfb = this._rfb();
    return this._mayPower && rfb !== null && !rfb.viewOnly && rfb.capabilities.power;
  }

  /** Send one of the combinations of `keys.ts`, by name. */
  sendKeys(combination: string): void {
    const rfb = this._rfb();
    if (rfb) {
      pressKeys(rfb, COMBINATIONS[combination]?.keys ?? []);
      this.done.emit();
    }
  }

  /** Whether any modifier is held down for the reader. */
  get isHolding(): boolean {
    return this._held.any;
  }

  /** Whether a modifier is held down for the reader. */
  isHeld(modifier: Modifier): boolean {
    return this._held.has(modifier);
  }

  /** Hold a modifier down, or let it go. */
  toggleHeld(modifier: Modifier): void {
    const rfb = this._rfb();
    if (rfb) {
      this._held.toggle(rfb, modifier);
      this.done.emit();
    }
  }

  /** Type a text as key presses. */
  type(text: string): void {
    const rfb = this._rfb();
    if (rfb) {
      this._typist.type(rfb, text);
    }
  }

  /** Shut the desktop's machine down, or start it again. */
  power(action: PowerAction): void {
    this._rfb()?.[SWITCHES[action]]();
  }

  /** Let go of whatever is held, and type no more. */
  release(): void {
    this._typist.stop();
    this._held.release(this._rfb());
  }

  /** The desktop went away, and with it whatever was held. */
  drop(): void {
    this._typist.stop();
    this._held.release(null);
  }

  private readonly _held = new HeldModifiers();
  private readonly _typist: Typist;
}
