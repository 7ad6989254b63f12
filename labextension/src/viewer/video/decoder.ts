/**
 * From H.264 to pictures. No connection.
 */
import type { IPicture } from '../engine/surface';
import { type IVideoDecoder, webCodecs } from './webcodecs';

/** What every browser that knows H.264 decodes: Baseline profile, level 3.1. */
const COMMON = 'avc1.42e01f';

/** So many pictures may wait for the decoder; one that has more to do is given nothing before the next key frame. */
const MOST_QUEUED = 8;

/** Whether a browser, on this page, decodes H.264, and if not, what it lacks. */
export type Ability = 'able' | 'webcodecs' | 'h264';

/** Ask the browser what it can. */
export async function ability(): Promise<Ability> {
  const { VideoDecoder: Decoder } = webCodecs();
  if (!Decoder) {
    return 'webcodecs';
  }
  try {
    const { supported } = await Decoder.isConfigSupported({ codec: COMMON, optimizeForLatency: true });
    return supported ? 'able' : 'h264';
  } catch {
    return 'h264';
  }
}

/** An encoded picture of a desktop. */
export interface IEncoded {
  /** Whether it can be decoded without those before it. */
  readonly isKey: boolean;
  readonly width: number;
  readonly height: number;
  /** H.264 with start codes. */
  readonly data: Uint8Array;
}

/** What decodes. */
export interface IDecoder {
  /** Decode a picture; false where a key frame is needed first. */
  decode(picture: IEncoded): boolean;
  /** How many pictures wait to be decoded. */
  readonly queued: number;
  close(): void;
}

/** Decodes with WebCodecs. */
export class Decoder implements IDecoder {
  /**
   * @param _decoded - gets each picture, and closes it
   * @param _failed - told once when it can do no more
   */
  constructor(
    private readonly _decoded: (picture: IPicture) => void,
    private readonly _failed: (error: unknown) => void
  ) {}

  decode(picture: IEncoded): boolean {
    this._waits &&= !picture.isKey;
    if (picture.isKey) {
      this._prepare(picture);
    }
    const decoder = this._decoder;
    if (this._waits || decoder?.state !== 'configured' || decoder.decodeQueueSize > MOST_QUEUED) {
      this._waits = true;
      return false;
    }
    this._count += 1;
    const { EncodedVideoChunk: Chunk } = webCodecs();
    const type = picture.isKey ? 'key' : 'delta';
    decoder.decode(new Chunk!({ type, timestamp: this._count, data: picture.data }));
    return true;
  }

  get queued(): number {
    return this._decoder?.decodeQueueSize ?? 0;
  }

  close(): void {
    if (this._decoder && this._decoder.state !== 'closed') {
      this._decoder.close();
    }
    this._decoder = null;
  }

  /** Make a decoder for what follows this key frame, unless there is one. */
  private _prepare({ data, width, height }: IEncoded): void {
    const codec = codecOf(data) ?? COMMON;
    const kind = `${codec} ${width}x${height}`;
    if (this._decoder?.state === 'configured' && kind === this._kind) {
      return;
    }
    this.close();
    const { VideoDecoder } = webCodecs();
    const decoder: IVideoDecoder = new VideoDecoder!({
      output: picture => (decoder === this._decoder ? this._decoded(picture) : picture.close()),
      error: error => decoder === this._decoder && this._failed(error)
    });
    this._decoder = decoder;
    this._kind = kind;
    decoder.configure({ codec, optimizeForLatency: true });
  }

  private _decoder: IVideoDecoder | null = null;
  private _kind = '';
  private _waits = true;
  private _count = 0;
}

/** The type of the unit of H.264 that names profile and level. */
const PARAMETERS = 7;

/** The codec as browsers call it, with profile and level; null if the picture does not say. */
export function codecOf(data: Uint8Array): string | null {
  for (let at = 0; at + 6 < data.length; at += 1) {
    if (data[at] === 0 && data[at + 1] === 0 && data[at + 2] === 1 && (data[at + 3]! & 0x1f) === PARAMETERS) {
      const bytes = [...data.subarray(at + 4, at + 7)];
      return `avc1.${bytes.map(byte => byte.toString(16).padStart(2, '0')).join('')}`;
    }
  }
  return null;
}
