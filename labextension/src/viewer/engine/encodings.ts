/**
 * What a desktop may send. noVNC asks for all that it can show; some of it is not wanted here.
 */
import type { INoVNC, IMessages, IQueue } from './novnc-internals';
import { MOST_COPIED } from './limits';

/** CopyRect (RFC 6143, 7.7.2). */
const COPY_RECT = 1;

/** H.264 (rfbproto, "Open H.264 Encoding"): noVNC's decoder stands still for good at some streams. */
const H264 = 50;

/** Pictures of the pointer: Cursor, X Cursor, Cursor With Alpha, VMware Cursor. */
const POINTERS = [-239, -240, -314, 0x574d5664];

/** Who asks over a queue, and the classes whose messages pass here. */
const engines = new WeakMap<IQueue, INoVNC>();
const passing = new WeakSet<IMessages['messages']>();

/**
 * Have a noVNC ask for less. In view mode no picture of the pointer is wanted: without one the desktop draws the
 * pointer itself, where it is, and that is the only way to see where somebody else points.
 *
 * @param engine - noVNC, at once after it was made
 */
export function offerLess(engine: INoVNC): void {
  const { messages } = engine.constructor;
  delete engine._decoders[H264];
  engines.set(engine._sock, engine);
  if (!passing.has(messages)) {
    passing.add(messages);
    const { clientEncodings } = messages;
    messages.clientEncodings = (sock, encodings) =>
      clientEncodings.call(messages, sock, encodings.filter(wantedBy(engines.get(sock)!)));
  }
}

/** Say which encodings a noVNC wants now. */
function wantedBy({ viewOnly, _fbWidth, _fbHeight }: INoVNC): (encoding: number) => boolean {
  const copies = _fbWidth * _fbHeight <= MOST_COPIED;
  return one => one !== H264 && (copies || one !== COPY_RECT) && !(viewOnly && POINTERS.includes(one));
}
