/**
 * What is used of the browser's audio decoder (WebCodecs), of which TypeScript's own library knows nothing yet.
 */

/** Decoded sound; it has to be closed. */
export interface IAudioData {
  readonly numberOfFrames: number;
  copyTo(target: Float32Array, options: { planeIndex: number; format: 'f32-planar' }): void;
  close(): void;
}

/** One decoder. */
export interface IAudioDecoder {
  readonly state: 'unconfigured' | 'configured' | 'closed';
  configure(config: { codec: string; sampleRate: number; numberOfChannels: number }): void;
  decode(chunk: unknown): void;
  close(): void;
}

interface IWebCodecs {
  readonly AudioDecoder?: new (on: {
    output: (data: IAudioData) => void;
    error: (error: Error) => void;
  }) => IAudioDecoder;
  readonly EncodedAudioChunk?: new (chunk: { type: 'key'; timestamp: number; data: Uint8Array }) => unknown;
}

/** The browser's classes; absent on a page that came neither by https nor from this machine. */
export const webCodecs = (): IWebCodecs => globalThis as IWebCodecs;
