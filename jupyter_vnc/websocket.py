"""Websocket routes: authenticate, redeem the token, hand the socket to the broker as a channel."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketHandler

from jupyter_vnc.viewer_channel import WebSocketChannel

from .close_codes import CloseCode
from .exceptions import TokenRefused, VNCError
from .handlers import VNCHandler
from .http.incoming import http_error
from .model.sessions import Session
from .tokens import SUBPROTOCOL

#: The websocket subprotocol that noVNC speaks; the one that is answered.
BINARY: Final = "binary"

#: Viewers that also offer this receive notes: text messages of JSON beside the binary ones of RFB.
NOTES: Final = "vnc.notes"


class TokenWebSocket(WebSocketMixin, WebSocketHandler, VNCHandler):
    """A websocket for a token: strangers are refused before the upgrade; after it, a close code says what happened."""

    channel: WebSocketChannel
    _pinging: asyncio.Task[None] | None = None
    #: Tornado calls :meth:`on_close` once, and before :meth:`open` if the browser leaves while the token is redeemed.
    _left = False

    #: Both the mixin and tornado would ping, one in milliseconds and one in seconds; ours respects backpressure.
    ping_interval = 0.0
    ping_timeout = 0.0

    async def prepare(self, **kwargs: Any) -> None:
        """Authenticate, with the login's cookie too: the token proves that the page is one of ours."""
        if self.request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.request.headers:
            raise web.HTTPError(400, "A websocket's request has no body.")
        self.visitor_kind.let_cookie_in(self)
        await super().prepare(**kwargs)

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Check user and origin, and redeem the token, in this order; then upgrade."""
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)):
            raise web.HTTPError(403)
        self._check_upgrade()
        try:
            await self.redeem(self._offered_token())
        except VNCError as error:
            self.log.warning("Websocket refused: %s", error.log_line)
            raise http_error(error) from None
        await super().get(*args, **kwargs)

    async def redeem(self, token: str) -> None:
        """Exchange the token for what is then served.

        Raises:
            VNCError: it is refused.
        """
        raise NotImplementedError

    def serve(self) -> None:
        """Start to serve what the token was for; :attr:`channel` is there."""
        raise NotImplementedError

    def _check_upgrade(self) -> None:
        """Refuse what would fail later: a token must not be spent on it.

        A browser sends its origin. A request with a cookie and without an origin is not from our page: another site's
        page could have made the browser send the cookie.
        """
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(400, "This address speaks websocket only.")
        origin = self.get_origin()
        if not self.check_origin(origin) or (origin is None and not self.token_authenticated):
            raise web.HTTPError(403, "Cross-origin websockets are refused.")

    def _offered_token(self) -> str:
        tokens = [word.removeprefix(SUBPROTOCOL) for word in self.offered() if word.startswith(SUBPROTOCOL)]
        if len(tokens) != 1:
            raise TokenRefused(detail=f"{len(tokens)} tokens in the request")
        return tokens[0]

    def offered(self) -> list[str]:
        """Return the subprotocols that the browser offers."""
        return [word.strip() for word in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Answer ``binary`` if it was offered: never the token."""
        return BINARY if BINARY in subprotocols else None

    def get_compression_options(self) -> None:
        """No compression: pixels are compressed already, and the event loop is shared."""

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Start serving; tornado delivers messages only once this has returned."""
        if self._left:
            return  # nothing would end what is begun here
        self.set_nodelay(True)
        self.channel = WebSocketChannel(self)
        self.serve()
        if interval := self.broker.ping_interval:
            self._pinging = asyncio.create_task(self.channel.keep_alive(interval))

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message on; text is of no protocol that we serve."""
        if isinstance(message, str):
            self.close(CloseCode.VIEWER_PROTOCOL.value, "Messages are binary.")
            return
        await self.channel.feed(message)

    def on_ping(self, data: bytes) -> None:
        """Count the answer, which tornado has written."""
        self.channel.pinged(len(data))

    def on_pong(self, data: bytes) -> None:
        """Note that the browser is alive."""
        self.channel.pong()

    def on_close(self) -> None:
        """Notify the session that its viewer is gone."""
        self._left = True
        if self._pinging is not None:
            self._pinging.cancel()
        if hasattr(self, "channel"):
            self.channel.feed_eof()


class VNCWebSocket(TokenWebSocket):
    """``WS {root}ws``: a session."""

    session: Session

    @property
    def max_message_size(self) -> int:
        """The longest message that a viewer may send (bytes)."""
        return int(self.broker.max_message)

    async def redeem(self, token: str) -> None:
        """Exchange the token for a session.

        Raises:
            VNCError: it is refused.
        """
        self.session = await self.broker.redeem(self.visitor(), token)

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message on; text is beside RFB, of a viewer that offers notes."""
        if isinstance(message, bytes) or NOTES not in self.offered():
            await super().on_message(message)
            return
        try:
            self.broker.notes.heard(self.session, message)
        except VNCError as error:
            self.session.end(error)

    def serve(self) -> None:
        """Serve the session."""
        if NOTES in self.offered():
            self.session.tell = self.channel.tell
        self.broker.open(self.session, self.channel, self.visitor())
