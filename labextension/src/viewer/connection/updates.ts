/**
 * Stops a desktop's pictures while nobody looks, and asks for them again.
 *
 * Both are messages of our own on noVNC's websocket, sent between its own: EnableContinuousUpdates (rfbproto) and
 * FramebufferUpdateRequest (RFC 6143, 7.5.3). A desktop without continuous updates goes on sending.
 */
import { type IRFB, sizeOf, updatesContinuously } from '../engine/novnc';
import { forgetOver } from '../engine/over';

const FRAMEBUFFER_UPDATE_REQUEST = 3;
const ENABLE_CONTINUOUS_UPDATES = 150;

/** The pictures of one connection. */
export class Updates {
  constructor(
    private readonly _rfb: IRFB,
    private readonly _socket: WebSocket
  ) {}

  /** Whether pictures are wanted. */
  set wanted(wanted: boolean) {
    if (!wanted && !this._stopped && updatesContinuously(this._rfb)) {
      this._stopped = true;
      send(this._socket, ENABLE_CONTINUOUS_UPDATES, 0, [0, 0]);
    } else if (wanted && this._stopped) {
      this._stopped = false;
      // The answer makes noVNC ask for the next one, and so on.
      send(this._socket, FRAMEBUFFER_UPDATE_REQUEST, 1, sizeOf(this._rfb));
    }
  }

  /** Ask for the whole picture, whether it has changed or not. */
  renew(): void {
    send(this._socket, FRAMEBUFFER_UPDATE_REQUEST, 0, sizeOf(this._rfb));
  }

  /**
   * Have the desktop told anew what is wanted, now that the server makes something else of it; with `whole`, all of
   * the picture comes, as it is, and none of video is over it any more.
   */
  again(whole: boolean): void {
    if (whole) {
      forgetOver(this._rfb);
    }
    if (this._stopped) {
      return; // nobody looks
    }
    const size = sizeOf(this._rfb);
    if (updatesContinuously(this._rfb)) {
      send(this._socket, ENABLE_CONTINUOUS_UPDATES, 1, size);
    }
    if (whole) {
      send(this._socket, FRAMEBUFFER_UPDATE_REQUEST, 0, size);
    }
  }

  private _stopped = false;
}

/** Ask for a pixel whether it has changed or not: there is always an answer. */
export function askForPixel(socket: WebSocket): void {
  send(socket, FRAMEBUFFER_UPDATE_REQUEST, 0, [1, 1]);
}

/** Both messages begin with a flag and end with an area, which starts in the corner here. */
function send(
  socket: WebSocket,
  type: number,
  flag: number,
  [width, height]: readonly [number, number]
): void {
  const message = new DataView(new ArrayBuffer(10));
  message.setUint8(0, type);
  message.setUint8(1, flag);
  message.setUint16(6, width);
  message.setUint16(8, height);
  if (socket.readyState === 1) {
    socket.send(message.buffer);
  }
}
