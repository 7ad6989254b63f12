"""``WS {root}looks``: a user's server brings one of its desktops, for the token that it was sent over its uplink."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tornado import web

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import (
    DesktopFailed,
    LimitExceeded,
    NotPermitted,
    SessionEnded,
    TargetNotFound,
    TargetUnreachable,
    VNCError,
)
from jupyter_vnc.tokens import SUBPROTOCOL
from jupyter_vnc.viewer_channel import WebSocketChannel
from jupyter_vnc.websocket import BINARY

from .looks import Look
from .socket_login import ServerSocket

#: The longest message (bytes): more than a server reads of its desktop at once.
LONGEST: Final = 128 * 1024

#: What a server says by its close code, for whoever looks; anything else is a connection that was lost.
_ERRORS: Final[dict[int | None, type[VNCError]]] = {
    CloseCode.ENDED: SessionEnded,
    CloseCode.NOT_PERMITTED: NotPermitted,
    CloseCode.TARGET_GONE: TargetNotFound,
    CloseCode.LIMIT: LimitExceeded,
    CloseCode.DESKTOP_FAILED: DesktopFailed,
}


class LookChannel(WebSocketChannel):
    """The way to a desktop in a user's server. Its end has a reason, which whoever looks is told."""

    def __init__(self, handler: LookSocket) -> None:
        super().__init__(handler)
        self._socket = handler

    async def read(self) -> bytes:
        """See :meth:`.Channel.read`.

        Raises:
            VNCError: the server has closed with another code than the normal one, or is gone.
        """
        if data := await super().read():
            return data
        if self._socket.close_code != CloseCode.NORMAL:
            raise self._socket.ending
        return b""


class LookSocket(ServerSocket):
    """The service's end of one look."""

    max_message_size = LONGEST
    channel: LookChannel | None = None
    #: None until the hub has said whose the token is: tornado may call :meth:`on_close` before.
    _look: Look | None = None
    _pinging: asyncio.Task[None] | None = None
    _left = False

    def admit(self) -> None:
        """Take what the token is for.

        Raises:
            web.HTTPError: 403, it is not this server's, was used, or nobody waits for it any more.
        """
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        tokens = [word.strip().removeprefix(SUBPROTOCOL) for word in offered if SUBPROTOCOL in word]
        found = self.links.looks.take(tokens[0], self.owner.name, self.server) if len(tokens) == 1 else None
        if found is None:
            raise web.HTTPError(403, "Nobody waits for this desktop.")
        self._look = found

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Answer ``binary``: never the token."""
        return BINARY if BINARY in subprotocols else None

    def get_compression_options(self) -> None:
        """No compression: pixels are compressed already."""

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Hand the way to the desktop to whoever waits for it."""
        look = self._look
        if look is None:
            return
        if self._left:
            self._fail(look)
            return
        if look.came.done():
            self.close(CloseCode.STALLED.value, "Nobody waits for this desktop any more.")
            return
        self.set_nodelay(True)
        self.channel = LookChannel(self)
        if interval := self.settings["vnc_broker"].ping_interval:
            self._pinging = asyncio.create_task(self.channel.keep_alive(interval))
        self.links.looks.begun(self)
        look.came.set_result(self.channel)

    async def on_message(self, message: str | bytes) -> None:
        """Pass pictures on, no faster than they are looked at."""
        if isinstance(message, str) or self.channel is None:
            self.close(CloseCode.VIEWER_PROTOCOL.value, "Messages are binary.")
            return
        await self.channel.feed(message)

    def on_ping(self, data: bytes) -> None:
        """Count the answer, which tornado has written."""
        if self.channel is not None:
            self.channel.pinged(len(data))

    def on_pong(self, data: bytes) -> None:
        """Note that the server is alive."""
        if self.channel is not None:
            self.channel.pong()

    def on_close(self) -> None:
        """Say so to whoever looks."""
        self._left = True
        self.links.looks.over(self)
        if self._pinging is not None:
            self._pinging.cancel()
        if self.channel is not None:
            self.channel.feed_eof()
        elif self._look is not None:
            self._fail(self._look)

    def cut(self) -> None:
        """See :meth:`.Shown.cut`."""
        if self.channel is not None:
            self.channel.abort()

    def _fail(self, look: Look) -> None:
        """Tell whoever waits that the server has left."""
        if not look.came.done():
            look.came.set_exception(self.ending)

    @property
    def ending(self) -> VNCError:
        """Why it was closed; of a sentence of the server it is said whose it is, as a student could write anything."""
        kind = _ERRORS.get(self.close_code)
        if kind is None:
            return TargetUnreachable(f"The connection to the server of {printable(self.owner.name)} was lost.")
        said = self.close_reason
        return kind(f"The server of {printable(self.owner.name)} says: {said}" if said else "")
