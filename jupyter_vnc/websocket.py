"""The websocket route: authenticate, redeem the token, hand the socket to the broker as a channel."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import Any, Final

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .exceptions import CloseCode, TokenRefused, VNCError
from .handlers import VNCHandler, http_error
from .model.sessions import Note, Session
from .relay.frames import FrameWriter, look_at
from .relay.zerocopy import CannotLend

log = logging.getLogger(__name__)

#: The websocket subprotocol that noVNC speaks; the one that is answered.
BINARY: Final = "binary"
#: The token rides in a second subprotocol: neither a URL nor a log ever has it.
TOKEN_PREFIX: Final = "vnc.token."  # noqa: S105

#: Who offers this as well takes notes: text messages of JSON beside the binary ones of RFB.
NOTES: Final = "vnc.notes"

#: Unread bytes of a viewer at which we stop to read its socket.
HIGH_WATER: Final = 128 * 1024
#: A close frame's reason holds at most this (RFC 6455 section 5.5.1).
MAX_CLOSE_REASON: Final = 123


class WebSocketChannel:
    """The viewer's end as a :class:`~jupyter_vnc.channels.Channel`.

    ``feed`` is the websocket's ``on_message``: it returns only when there is room, and tornado reads no further frame
    until then. So that a full target does not look like a dead browser, pings rest while we are the one who does not
    read.
    """

    def __init__(self, handler: WebSocketHandler) -> None:
        self._handler = handler
        self._unread: deque[bytes] = deque()
        self._size = 0
        self._eof = False
        self._readable = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._pong = asyncio.Event()
        self._frames: FrameWriter | None = None

    async def feed(self, data: bytes) -> None:
        """Take a message of the viewer; wait until there is room for the next."""
        self._unread.append(data)
        self._size += len(data)
        self._readable.set()
        if self._size >= HIGH_WATER:
            self._room.clear()
            await self._room.wait()

    def feed_eof(self) -> None:
        """Note that the viewer is gone."""
        self._eof = True
        self._readable.set()
        self._room.set()
        if self._frames is not None:
            self._frames.close()

    def pong(self) -> None:
        """Note an answer to a ping."""
        self._pong.set()

    async def read(self) -> bytes:
        """Return all that has come, as one piece."""
        await self._readable.wait()
        data = b"".join(self._unread)
        self._unread.clear()
        self._size = 0
        self._room.set()
        if not self._eof:
            self._readable.clear()
        return data

    async def write(self, data: bytes) -> None:
        """Send one binary message; return when the socket has taken it."""
        try:
            sent = asyncio.ensure_future(self._handler.write_message(data, binary=True))
            sent.add_done_callback(look_at)
            # Tornado goes on with a message that it has begun, whoever still waits for it: cancelling its future would
            # only make it complain.
            await asyncio.shield(sent)
        except (WebSocketClosedError, StreamClosedError) as error:
            raise ConnectionResetError("the viewer is gone") from error

    def tell(self, note: Note) -> None:
        """Send a note, if the viewer is still there; nobody waits for it."""
        try:
            asyncio.ensure_future(self._handler.write_message(json.dumps(note))).add_done_callback(look_at)
        except (WebSocketClosedError, StreamClosedError):
            log.debug("The viewer left before it got a note")

    def lend(self) -> FrameWriter:
        """See :meth:`~jupyter_vnc.relay.zerocopy.Lender.lend`: the rest of tornado writes in its turn from now on."""
        stream = getattr(self._handler.ws_connection, "stream", None)
        if type(stream) is not IOStream or stream.closed():
            raise CannotLend("the browser's connection is encrypted, or closed")
        self._frames = FrameWriter(stream)
        if not self._frames.sees(lambda: self._handler.ping(b"vnc")):
            self._frames.close()
            raise CannotLend("this version of tornado writes in a way that is not known")
        return self._frames

    async def write_eof(self) -> bool:
        """A websocket cannot close one way only (RFC 6455 section 7.1.2)."""
        return False

    async def close_with(self, code: CloseCode, reason: str) -> None:
        """Close with a code and a sentence, cut at a character's end."""
        cut = reason.encode()[:MAX_CLOSE_REASON].decode("utf-8", "ignore")
        self.feed_eof()
        self._handler.close(code.value, cut)

    async def close(self) -> None:
        """Close with the plain code."""
        await self.close_with(CloseCode.NORMAL, "")

    async def keep_alive(self, interval: float) -> None:
        """Ping every ``interval`` seconds; a browser that does not answer within as many is gone."""
        while True:
            await asyncio.sleep(interval)
            await self._room.wait()
            self._pong.clear()
            try:
                self._handler.ping(b"vnc")
                async with asyncio.timeout(interval):
                    await self._pong.wait()
            except TimeoutError:
                if self._room.is_set():
                    break
            except (WebSocketClosedError, StreamClosedError):
                break
        self.feed_eof()
        if (stream := self._handler.ws_connection and self._handler.ws_connection.stream) is not None:
            stream.close()


class VNCWebSocket(WebSocketMixin, WebSocketHandler, VNCHandler):
    """``WS {root}ws``: strangers are refused before the upgrade; after it, a close code says what happened."""

    session: Session
    channel: WebSocketChannel
    _pinging: asyncio.Task[None] | None = None

    #: Both mixin and tornado would ping, one in milliseconds and one in seconds; ours knows of backpressure.
    ping_interval = 0.0
    ping_timeout = 0.0

    async def prepare(self, **kwargs: Any) -> None:
        """Authenticate, with the cookie also where a hub lets none open a websocket.

        It does so because nothing proves that the page is its own. Here the token does: no other page could ask for it.
        """
        hub = getattr(self.identity_provider, "hub_auth", None)
        if hub is not None and (cookie := self.get_secure_cookie(hub.cookie_name)):
            self._hub_auth_token_cookie = cookie.decode("ascii", "replace")
        await super().prepare(**kwargs)

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Check who asks and from where, and redeem the token, in this order; then upgrade."""
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)):
            raise web.HTTPError(403)
        self._check_upgrade()
        try:
            self.session = await self.broker.redeem(self.visitor(), self._offered_token())
        except VNCError as error:
            self.log.warning("Websocket refused: %s", error.log_line)
            raise http_error(self, error) from None
        await super().get(*args, **kwargs)

    def _check_upgrade(self) -> None:
        """Refuse what would fail later: a token must not be spent on it.

        A browser names its origin. Who logs in with a cookie and does not is no browser page of ours: a page of another
        site could have made the browser send the cookie.
        """
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(400, "This address speaks websocket only.")
        origin = self.get_origin()
        if not self.check_origin(origin) or (origin is None and not self.token_authenticated):
            raise web.HTTPError(403, "Cross-origin websockets are refused.")

    def _offered_token(self) -> str:
        tokens = [word.removeprefix(TOKEN_PREFIX) for word in self._offered() if word.startswith(TOKEN_PREFIX)]
        if len(tokens) != 1:
            raise TokenRefused(detail=f"{len(tokens)} tokens in the request")
        return tokens[0]

    def _offered(self) -> list[str]:
        return [word.strip() for word in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Answer ``binary`` if it was offered: never the token."""
        return BINARY if BINARY in subprotocols else None

    def get_compression_options(self) -> None:
        """No compression: pixels are compressed already, and the event loop is shared."""

    @property
    def max_message_size(self) -> int:
        """The longest message that a viewer may send (bytes)."""
        return int(self.broker.max_message)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Start serving; tornado delivers messages only once this has returned."""
        self.set_nodelay(True)
        self.channel = WebSocketChannel(self)
        if NOTES in self._offered():
            self.session.tell = self.channel.tell
        self.broker.open(self.session, self.channel, self.visitor())
        if interval := self.broker.ping_interval:
            self._pinging = asyncio.create_task(self.channel.keep_alive(interval))

    async def on_message(self, message: str | bytes) -> None:
        """Hand a message on; text is not RFB."""
        if isinstance(message, str):
            self.close(CloseCode.VIEWER_PROTOCOL.value, "RFB is binary.")
            return
        await self.channel.feed(message)

    def on_pong(self, data: bytes) -> None:
        """Note that the browser is there."""
        self.channel.pong()

    def on_close(self) -> None:
        """Tell the session that its viewer is gone."""
        if self._pinging is not None:
            self._pinging.cancel()
        if hasattr(self, "channel"):
            self.channel.feed_eof()
