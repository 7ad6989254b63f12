"""A viewer without a screen: it sees a desktop as an image, and has keys and a pointer (RFC 6143).

It comes in by the same door as a browser: a token from the REST interface, then the websocket. So it may do what its
user may, it is in the list of sessions, and it sees neither address nor password of a VNC server.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from jupyter_vnc.rfb.wire import ClientMessage, Encoding, SecurityType

from .server import TIMEOUT, NotebookError, Server

if TYPE_CHECKING:
    from PIL.Image import Image
    from websocket import WebSocket

_VERSION: Final = b"RFB 003.008\n"
_NONE: Final = bytes([SecurityType.NONE])
_SHARED: Final = b"\x01"
#: 32 bits a pixel, little-endian, blue first: Pillow's ``BGRX``.
_PIXEL_FORMAT: Final = struct.pack(
    ">BxxxBBBBHHHBBBxxx", ClientMessage.SET_PIXEL_FORMAT, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0
)
_ENCODINGS: Final = struct.pack(">BxHii", ClientMessage.SET_ENCODINGS, 2, Encoding.RAW, Encoding.DESKTOP_SIZE)
#: What a server sends (RFC 6143 section 7.6).
_UPDATE, _COLOURS, _BELL, _CUT_TEXT = range(4)


class Viewer:
    """One connection. Close it: while it is open, its desktop does not count as idle.

    Raises:
        NotebookError: it cannot be made; says why.
    """

    def __init__(self, server: Server, target: str) -> None:
        grant = server.call("POST", "api/tokens", {"target": target})
        self._may_control = grant["mode"] == "control"
        self._target = target
        self._unread = b""
        #: Whether an update was asked for and has not come.
        self._asked = False
        self._socket = _connect(server, grant["token"])
        try:
            width, height = self._greet()
            self._image = _blank(width, height)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave; the desktop goes on."""
        self._socket.close()
        # Where the server has closed first, the line above leaves the socket open.
        self._socket.shutdown()  # type: ignore[no-untyped-call]

    def image(self) -> Image:
        """Return what is on the screen now."""
        left = self._image.width * self._image.height
        self._ask(incremental=False)
        while left > 0:
            drawn = self._read_message()
            if drawn is None:  # another size
                left = self._image.width * self._image.height
                self._ask(incremental=False)
            else:
                left -= drawn
        return self._image.copy()

    def changes(self, seconds: float) -> bool:
        """Wait until something on the screen changes; False if nothing did for so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self._asked:  # an update may have nothing in it
                self._ask(incremental=True)
            if not self._comes(left):
                return False
            if self._read_message() != 0:
                return True
        return False

    def key(self, keysym: int, *, down: bool) -> None:
        """Press or release a key.

        Raises:
            NotebookError: the user may only look.
        """
        self._say(struct.pack(">BBxxI", ClientMessage.KEY_EVENT, down, keysym))

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move the pointer; ``buttons`` has a bit for each that is down, the first for the left one.

        Raises:
            NotebookError: the user may only look.
        """
        self._say(struct.pack(">BBHH", ClientMessage.POINTER_EVENT, buttons, x, y))

    def _say(self, message: bytes) -> None:
        if not self._may_control:
            raise NotebookError(f"You may look at {self._target!r}, but not control it.")
        self._send(message)

    def _greet(self) -> tuple[int, int]:
        self._exactly(len(_VERSION))
        self._send(_VERSION)
        self._exactly(self._exactly(1)[0])
        self._send(_NONE)
        self._exactly(4)
        self._send(_SHARED)
        width, height = struct.unpack(">HH", self._exactly(20)[:4])
        self._exactly(*struct.unpack(">I", self._exactly(4)))
        self._send(_PIXEL_FORMAT + _ENCODINGS)
        return width, height

    def _ask(self, *, incremental: bool) -> None:
        self._asked = True
        request = ClientMessage.FRAMEBUFFER_UPDATE_REQUEST
        self._send(struct.pack(">BBHHHH", request, incremental, 0, 0, self._image.width, self._image.height))

    def _read_message(self) -> int | None:
        """Read a message; return how many pixels were drawn, None if the desktop has another size now."""
        kind = self._exactly(1)[0]
        if kind == _UPDATE:
            self._asked = False
            (count,) = struct.unpack(">xH", self._exactly(3))
            drawn = [self._read_rectangle() for _ in range(count)]
            return None if None in drawn else sum(pixels for pixels in drawn if pixels)
        if kind == _COLOURS:
            (count,) = struct.unpack(">xHH", self._exactly(5))[1:]
            self._exactly(6 * count)
        elif kind == _CUT_TEXT:
            (size,) = struct.unpack(">xxxi", self._exactly(7))
            self._exactly(abs(size))
        elif kind != _BELL:
            raise NotebookError(f"The desktop {self._target!r} sent a message that was not asked for: {kind}.")
        return 0

    def _read_rectangle(self) -> int | None:
        from PIL import Image  # noqa: PLC0415 - who only starts and stops desktops need not have it

        x, y, width, height, encoding = struct.unpack(">HHHHi", self._exactly(12))
        if encoding == Encoding.DESKTOP_SIZE:
            self._image = _blank(width, height)
            return None
        if encoding != Encoding.RAW:
            raise NotebookError(f"The desktop {self._target!r} sent a picture that was not asked for: {encoding}.")
        if width and height:
            pixels = self._exactly(4 * width * height)
            self._image.paste(Image.frombuffer("RGB", (width, height), pixels, "raw", "BGRX", 0, 1), (x, y))
        return int(width * height)

    # -- bytes ----------------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send_binary(data)
        except OSError as error:
            raise self._lost(error) from None

    def _comes(self, seconds: float) -> bool:
        """Whether anything comes within so many seconds."""
        from websocket import WebSocketTimeoutException  # noqa: PLC0415

        if not self._unread:
            self._socket.settimeout(max(0.001, seconds))
            try:
                self._receive()
            except WebSocketTimeoutException:
                return False
            finally:
                self._socket.settimeout(TIMEOUT)
        return True

    def _exactly(self, size: int) -> bytes:
        from websocket import WebSocketTimeoutException  # noqa: PLC0415

        parts = [self._unread]
        have = len(self._unread)
        self._unread = b""
        while have < size:
            try:
                self._receive()
            except WebSocketTimeoutException as error:
                raise self._lost(error) from None
            parts.append(self._unread)
            have += len(self._unread)
            self._unread = b""
        data = b"".join(parts)
        self._unread = data[size:]
        return data[:size]

    def _receive(self) -> None:
        """Read a message into what is unread."""
        from websocket import ABNF, WebSocketConnectionClosedException  # noqa: PLC0415

        try:
            opcode, data = self._socket.recv_data()
        except (OSError, WebSocketConnectionClosedException) as error:
            raise self._lost(error) from None
        if opcode == ABNF.OPCODE_CLOSE:
            raise NotebookError(data[2:].decode("utf-8", "replace") or f"The desktop {self._target!r} has ended.")
        self._unread += data

    def _lost(self, error: Exception) -> NotebookError:
        return NotebookError(f"The connection to the desktop {self._target!r} was lost: {error}")


def _connect(server: Server, token: str) -> WebSocket:
    import websocket  # noqa: PLC0415

    protocols = ["binary", f"vnc.token.{token}"]
    try:
        return websocket.create_connection(
            server.websocket, timeout=TIMEOUT, subprotocols=protocols, header=server.login, enable_multithread=False
        )
    except (OSError, websocket.WebSocketException) as error:
        raise NotebookError(f"The Jupyter server refused the connection: {error}") from None


def _blank(width: int, height: int) -> Image:
    try:
        from PIL import Image  # noqa: PLC0415
    except ImportError:
        raise NotebookError("Pictures need Pillow: %pip install pillow") from None
    return Image.new("RGB", (width, height))
