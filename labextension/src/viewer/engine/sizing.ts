/**
 * What a desktop is asked for in the way of a size (rfbproto, ExtendedDesktopSize).
 */
import type { INoVNC } from './novnc-internals';

/** Bytes of what a desktop says about its screens, before the first of them. */
const HEAD = 4;

/**
 * Leave a desktop with several screens as it is: noVNC asks for one, which switches the others off for good.
 *
 * @param engine - noVNC, at once after it was made
 */
export function spareScreens(engine: INoVNC): void {
  const { _handleExtendedDesktopSize: read, _requestRemoteResize: request } = engine;
  let screens = 0;
  engine._handleExtendedDesktopSize = () => {
    if (engine._sock.rQlen() >= HEAD) {
      screens = engine._sock.rQpeekBytes(1)[0]!;
    }
    return read.call(engine);
  };
  engine._requestRemoteResize = () => {
    if (screens <= 1) {
      request.call(engine);
    }
  };
}
