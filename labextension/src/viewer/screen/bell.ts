/**
 * The desktop's bell: a short tone for the ears and a flash of the frame for the eyes.
 */
import { type IClock, Timer } from '../ui/clock';
import { unattended } from '../ui/report';

/** How long the frame shows it (milliseconds), and the tone (hertz, seconds). */
const FLASH = 300;
const TONE = { frequency: 660, length: 0.12, volume: 0.1 };

/** Rings on one element. */
export class Bell {
  constructor(
    private readonly _node: HTMLElement,
    clock: IClock
  ) {
    this._timer = new Timer(clock);
  }

  /** Ring, unless it still does: many bells at once are one, and no louder. Whether it did. */
  ring(): boolean {
    if (this._node.classList.contains('jp-mod-bell')) {
      return false;
    }
    this._node.classList.add('jp-mod-bell');
    this._timer.set(() => this._node.classList.remove('jp-mod-bell'), FLASH);
    this._sound();
    return true;
  }

  /** Leave no timer and no audio device. */
  dispose(): void {
    this._timer.clear();
    unattended(this._audio?.close());
  }

  private _sound(): void {
    if (typeof AudioContext === 'undefined') {
      return;
    }
    const audio = (this._audio ??= new AudioContext());
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    volume.gain.value = TONE.volume;
    tone.frequency.value = TONE.frequency;
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + TONE.length);
  }

  private readonly _timer: Timer;
  private _audio: AudioContext | null = null;
}
