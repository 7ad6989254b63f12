/**
 * What is used of the browser's video decoder (WebCodecs), of which TypeScript's own library knows nothing yet.
 */
import type { IPicture } from '../engine/surface';

/** How to decode. Without a description, pictures come with start codes (Annex B). */
export interface IVideoConfig {
  readonly codec: string;
  readonly optimizeForLatency: boolean;
  readonly hardwareAcceleration?: 'prefer-software';
}

/** One decoder. */
export interface IVideoDecoder {
  readonly state: 'unconfigured' | 'configured' | 'closed';
  readonly decodeQueueSize: number;
  configure(config: IVideoConfig): void;
  decode(chunk: unknown): void;
  close(): void;
}

interface IVideoDecoderClass {
  new (on: { output: (picture: IPicture) => void; error: (error: Error) => void }): IVideoDecoder;
  isConfigSupported(config: IVideoConfig): Promise<{ readonly supported?: boolean }>;
}

interface IWebCodecs {
  readonly VideoDecoder?: IVideoDecoderClass;
  readonly EncodedVideoChunk?: new (chunk: {
    type: 'key' | 'delta';
    timestamp: number;
    data: Uint8Array;
  }) => unknown;
}

/** The browser's classes; absent on a page that came neither by https nor from this machine. */
export const webCodecs = (): IWebCodecs => globalThis as IWebCodecs;
