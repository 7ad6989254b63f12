/**
 * What the video of a viewer needs.
 */
import type { IPicture } from '../engine/surface';
import type { FetchStream } from '../sound/sound';
import type { VideoMode } from '../preferences';
import type { IClock } from '../ui/clock';
import type { ITranslate } from '../ui/i18n';
import type { Ability, IDecoder } from './decoder';

/** What it needs. */
export interface IVideoOptions {
  /** Ask for a token; absent where the desktop has no video. */
  readonly fetchVideo?: FetchStream;
  readonly openSocket: (path: string, protocols: string[]) => WebSocket;
  readonly clock: IClock;
  readonly random: () => number;
  readonly trans: ITranslate;
  /** When the reader wants it. */
  readonly mode: () => VideoMode;
  /** Show a picture over that of RFB; it is closed by whoever shows it. */
  readonly show: (picture: IPicture) => void;
  /** Ask RFB again for what is wanted; with `whole`, for all of the picture as it is. */
  readonly again: (whole: boolean) => void;
  /** Count what a websocket receives. */
  readonly count: (socket: WebSocket) => void;
  /** What decodes, and what the browser can; the browser's by default. */
  readonly makeDecoder?: (decoded: (picture: IPicture) => void, failed: (error: unknown) => void) => IDecoder;
  readonly ability?: () => Promise<Ability>;
}
