"""A viewer without a screen: it sees a desktop as an image, and has keys and a pointer (RFC 6143).

It comes in by the same door as a browser: a token from the REST interface, then the websocket. So it may do what its
user may, it is in the list of sessions, and it sees neither address nor password of a VNC server.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import VNCError
from jupyter_vnc.rfb.handshake import TargetHandshake, client_init
from jupyter_vnc.rfb.picture import CHUNK, PREFERENCES, PictureReader, check_size, request
from jupyter_vnc.rfb.security import Login, SecurityPolicy
from jupyter_vnc.rfb.server_init import ServerInit
from jupyter_vnc.rfb.wire import ClientMessage, SecurityType
from jupyter_vnc.tokens import SUBPROTOCOL

from .connection import open_socket
from .server import TIMEOUT, NotebookError, Server

if TYPE_CHECKING:
    from PIL.Image import Image
    from websocket import WebSocket

    from jupyter_vnc.rfb.stream import Conversation

#: The proxy has logged us in; it offers nothing else.
_POLICY: Final = SecurityPolicy(order=(SecurityType.NONE,), allow_none=True)


class Viewer:
    """One connection. Close it: while it is open, its desktop does not count as idle.

    Raises:
        NotebookError: it cannot be made; the message explains why.
    """

    def __init__(self, server: Server, target: str) -> None:
        grant = server.call("POST", "api/tokens", {"target": target})
        self._may_control = grant["mode"] == "control"
        self._target = target
        #: How many updates had come when one was asked for.
        self._asked = -1
        self._socket = _connect(server, grant["token"])
        try:
            self._canvas, self._picture = self._greet()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave; the desktop goes on."""
        self._socket.close()
        # Where the server has closed first, the line above leaves the socket open.
        self._socket.shutdown()  # type: ignore[no-untyped-call]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the screen (pixels)."""
        return self._canvas.image.size

    def image(self) -> Image:
        """Return what is on the screen now.

        Raises:
            NotebookError: it did not come within a minute.
        """
        picture, deadline = self._picture, time.monotonic() + TIMEOUT
        sizes, goal = picture.sizes, self._ask_for_all()
        while picture.amid or picture.drawn < goal:
            if not self._feed(picture, deadline):
                raise NotebookError(f"The picture of {self._target!r} did not come within {TIMEOUT:g} seconds.")
            if picture.sizes != sizes:
                sizes, goal = picture.sizes, self._ask_for_all()
        return self._canvas.image.copy()

    def changes(self, seconds: float) -> bool:
        """Wait until something on the screen changes; False if nothing did for so many seconds."""
        picture, deadline = self._picture, time.monotonic() + seconds
        before = picture.sizes, picture.drawn
        while picture.amid or (picture.sizes, picture.drawn) == before:
            if self._asked != picture.updates:  # an update may have nothing in it
                self._ask(incremental=True)
            if not self._feed(picture, deadline):
                break
        return (picture.sizes, picture.drawn) != before

    def key(self, keysym: int, *, down: bool) -> None:
        """Press or release a key.

        Raises:
            NotebookError: the user may only view the desktop.
        """
        self._say(struct.pack(">BBxxI", ClientMessage.KEY_EVENT, down, keysym))

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move the pointer; ``buttons`` has a bit for each that is down, the first for the left one.

        Raises:
            NotebookError: the user may only view the desktop.
        """
        self._say(struct.pack(">BBHH", ClientMessage.POINTER_EVENT, buttons, x, y))

    def _say(self, message: bytes) -> None:
        if not self._may_control:
            raise NotebookError(f"You may view {self._target!r}, but not control it.")
        self._send(message)

    def _greet(self) -> tuple[_Canvas, PictureReader]:
        """Shake hands with the proxy, and request pictures in our format."""
        deadline = time.monotonic() + TIMEOUT
        login = TargetHandshake(Login(), _POLICY)
        self._converse(login, b"", deadline)
        self._send(client_init(shared=True))
        described = ServerInit()
        self._converse(described, login.leftover(), deadline)
        picture = self._begin(*described.size)
        self._send(PREFERENCES)
        self._take(picture[1], described.leftover())
        return picture

    def _begin(self, width: int, height: int) -> tuple[_Canvas, PictureReader]:
        try:
            check_size(width, height)
        except VNCError as error:
            raise self._wrong(error) from None
        canvas = _Canvas(width, height)
        return canvas, PictureReader(canvas, width, height)

    def _ask_for_all(self) -> int:
        """Ask for the whole screen; return how many pixels have been drawn when it is there."""
        self._ask(incremental=False)
        return self._picture.drawn + self._canvas.image.width * self._canvas.image.height

    def _ask(self, *, incremental: bool) -> None:
        self._asked = self._picture.updates
        self._send(request(*self._canvas.image.size, incremental=incremental))

    # -- bytes ----------------------------------------------------------------------------------------------------

    def _converse(self, conversation: Conversation, data: bytes, deadline: float) -> None:
        """Move bytes between a handshake and the websocket until it is done."""
        self._take(conversation, data)
        while True:
            if said := conversation.data_to_send():
                self._send(said)
            if conversation.done:
                return
            if not self._feed(conversation, deadline):
                raise NotebookError(f"The desktop {self._target!r} did not finish its greeting in time.")

    def _feed(self, conversation: Conversation, deadline: float) -> bool:
        """Read one message of the websocket; False if none comes in time."""
        from websocket import ABNF, WebSocketConnectionClosedException, WebSocketTimeoutException  # noqa: PLC0415

        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            opcode, data = self._socket.recv_data()
        except WebSocketTimeoutException:
            return False
        except (OSError, WebSocketConnectionClosedException) as error:
            raise self._lost(error) from None
        finally:
            self._socket.settimeout(TIMEOUT)
        if opcode == ABNF.OPCODE_CLOSE:
            raise NotebookError(
                printable(data[2:].decode("utf-8", "replace")) or f"The desktop {self._target!r} has ended."
            )
        self._take(conversation, data)
        return time.monotonic() < deadline

    def _take(self, conversation: Conversation, data: bytes) -> None:
        """Hand bytes on in pieces; they are read and drawn before the next one."""
        for start in range(0, len(data), CHUNK):
            conversation.receive_data(data[start : start + CHUNK])
        if conversation.exc is not None:
            raise self._wrong(conversation.exc)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send_binary(data)
        except OSError as error:
            raise self._lost(error) from None

    def _wrong(self, error: VNCError) -> NotebookError:
        return NotebookError(f"{self._target!r}: {error}")

    def _lost(self, error: Exception) -> NotebookError:
        return NotebookError(f"The connection to the desktop {self._target!r} was lost: {error}")


def _connect(server: Server, token: str) -> WebSocket:
    import websocket  # noqa: PLC0415

    protocols = ["binary", f"{SUBPROTOCOL}{token}"]
    sock = None
    try:
        sock = open_socket(server.url, server.certificate, TIMEOUT)
        return websocket.create_connection(
            server.websocket,
            timeout=TIMEOUT,
            subprotocols=protocols,
            header=server.login,
            enable_multithread=False,
            socket=sock,
        )
    except (OSError, websocket.WebSocketException) as error:
        if sock is not None:
            sock.close()
        raise NotebookError(f"The Jupyter server refused the connection: {error}") from None


class _Canvas:
    """The picture, in Pillow's memory: four bytes a pixel."""

    def __init__(self, width: int, height: int) -> None:
        self.image = _blank(width, height)

    def resize(self, width: int, height: int) -> None:
        """See :class:`~jupyter_vnc.rfb.picture.Canvas`; the old picture goes before the new one comes."""
        if self.image.size != (width, height):
            del self.image
            self.image = _blank(width, height)

    def draw(self, x: int, y: int, width: int, height: int, pixels: bytes) -> None:
        """See :class:`~jupyter_vnc.rfb.picture.Canvas`."""
        from PIL import Image  # noqa: PLC0415 - who only starts and stops desktops need not have it

        self.image.paste(Image.frombuffer("RGB", (width, height), pixels, "raw", "BGRX", 0, 1), (x, y))


def _blank(width: int, height: int) -> Image:
    try:
        from PIL import Image  # noqa: PLC0415
    except ImportError:
        raise NotebookError("Pictures need Pillow: %pip install pillow") from None
    return Image.new("RGB", (width, height))
