/**
 * From packets of Opus to the speaker, with a bounded delay. No connection.
 */
import { report, unattended } from '../ui/report';
import { type IAudioData, type IAudioDecoder, webCodecs } from './webcodecs';

/** Samples a second, and channels, of what the server sends. */
export const RATE = 48000;
const CHANNELS = 2;

/** How far ahead of the speaker sound is put (seconds): what may arrive that much later is not missed. */
export const LEAD = 0.05;

/** No sound waits longer than this to be played (seconds); what came too early for that is left out. */
export const MOST = 0.12;

/** What plays. */
export interface IPlayer {
  /** From 0 to 1. */
  volume: number;
  /**
   * Play a packet.
   *
   * @param time - when it sounds, in samples
   * @param packet - Opus
   */
  play(time: number, packet: Uint8Array): void;
  close(): void;
}

/** Whether this browser, on this page, can play. */
export function canPlay(): boolean {
  return typeof AudioContext !== 'undefined' && webCodecs().AudioDecoder !== undefined;
}

/**
 * When a piece begins, so that pieces follow each other without a gap and none waits too long.
 *
 * @param now - the time of the speaker (seconds)
 * @param end - where the last piece ends; in the past after a silence
 * @returns null for a piece that is left out
 */
export function place(now: number, end: number): number | null {
  if (end < now) {
    return now + LEAD;
  }
  return end > now + MOST ? null : end;
}

/** Plays with WebCodecs and Web Audio; made while the browser handles a click, or it stays mute. */
export class Player implements IPlayer {
  constructor() {
    this._gain.connect(this._audio.destination);
    this._decoder = this._makeDecoder();
    unattended(this._audio.resume());
  }

  set volume(volume: number) {
    this._gain.gain.value = volume;
  }

  get volume(): number {
    return this._gain.gain.value;
  }

  play(time: number, packet: Uint8Array): void {
    if (this._closed) {
      return;
    }
    if (this._decoder?.state !== 'configured') {
      // One that met a broken packet is of no use any more.
      this._decoder = this._makeDecoder();
    }
    const { EncodedAudioChunk: Chunk } = webCodecs();
    const timestamp = Math.round((time * 1e6) / RATE);
    this._decoder!.decode(new Chunk!({ type: 'key', timestamp, data: packet }));
  }

  close(): void {
    this._closed = true;
    if (this._decoder?.state !== 'closed') {
      this._decoder?.close();
    }
    unattended(this._audio.close());
  }

  private _makeDecoder(): IAudioDecoder {
    const { AudioDecoder } = webCodecs();
    const decoder = new AudioDecoder!({ output: data => this._schedule(data), error: report });
    decoder.configure({ codec: 'opus', sampleRate: RATE, numberOfChannels: CHANNELS });
    return decoder;
  }

  private _schedule(data: IAudioData): void {
    const at = place(this._audio.currentTime, this._end);
    if (at !== null && !this._closed) {
      const piece = this._audio.createBuffer(CHANNELS, data.numberOfFrames, RATE);
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        data.copyTo(piece.getChannelData(channel), { planeIndex: channel, format: 'f32-planar' });
      }
      const source = this._audio.createBufferSource();
      source.buffer = piece;
      source.connect(this._gain);
      source.start(at);
      this._end = at + piece.duration;
    }
    data.close();
  }

  private readonly _audio = new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
  private readonly _gain = this._audio.createGain();
  private _decoder: IAudioDecoder | null = null;
  private _end = 0;
  private _closed = false;
}
