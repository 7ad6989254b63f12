"""``WS {root}uplink``: a user's server logs in with its own token, and speaks for its own user only."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, Final

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import LimitExceeded, NotPermitted
from jupyter_vnc.hub.protected import Protected
from jupyter_vnc.throttling import RateLimit

from .messages import LONGEST, REPORT, read
from .uplinks import Uplinks

#: Seconds between two pings; the server's side closes as soon as its own are not answered.
PING: Final = 30.0
#: Reports a minute, twice as many as a server sends; and at once.
PER_MINUTE: Final = 60
BURST: Final = 20
#: By how much of the interval a look at the token may be earlier or later.
SPREAD: Final = 0.25
#: The longest name of a server (characters), which is as long as the hub's database has them.
LONGEST_NAME: Final = 255
#: Notices that may wait for a server that does not read; with one more it is closed.
MAX_WAITING: Final = 64


class Uplink(Protected, WebSocketHandler):
    """The service's end of one uplink; a :class:`~jupyter_vnc.hub.uplink.uplinks.Link`."""

    ping_interval = PING
    ping_timeout = PING / 2
    max_message_size = LONGEST
    _checks: asyncio.Task[None] | None = None
    #: Tornado calls :meth:`on_close` once, and before :meth:`open` if the server leaves while the hub is asked.
    _left = False
    _added = False

    def initialize(self) -> None:
        """Begin with nothing said and nothing to send."""
        self.report: dict[str, Any] = {"desktops": [], "viewers": []}
        self._rate = RateLimit(PER_MINUTE, BURST, what="reports")
        self._sending: set[asyncio.Future[None]] = set()

    @allow_unauthenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Check whose server it is; then upgrade.

        Raises:
            web.HTTPError: 403 for a token that speaks for no server, or a browser; 400 for what is no websocket; 503
                while the hub does not answer.
        """
        if "Origin" in self.request.headers:
            raise web.HTTPError(403, "The uplink is for servers, not for pages.")
        model = await self._ask()
        found = server_of(model)
        if model is None or found is None:
            raise web.HTTPError(403, "The uplink is for servers of the hub's users.")
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(400, "This address speaks websocket only.")
        self.server = found[1]
        self.owner = self.settings["vnc_people"].note(model)
        await super().get(*args, **kwargs)

    @property
    def _links(self) -> Uplinks:
        links: Uplinks = self.settings["vnc_uplinks"]
        return links

    async def _ask(self, *, again: bool = False) -> dict[str, Any] | None:
        """Return what the hub says of the token; None if it is no token.

        Raises:
            web.HTTPError: 503, the hub does not answer.
        """
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in {"token", "bearer"} or not token:
            return None
        try:
            hub = self.settings["identity_provider"].hub_auth
            model: dict[str, Any] | None = await hub.user_for_token(token.strip(), use_cache=not again, sync=False)
        except web.HTTPError:
            raise web.HTTPError(503, "JupyterHub does not answer. Try again in a moment.") from None
        return model

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to check now and then whether the token still is that server's: it is not after the server's end."""
        if self._left:
            return
        try:
            self._links.add(self)
        except LimitExceeded as error:
            self.close(error.close_code.value, str(error))
            return
        self._added = True
        if interval := self.settings["vnc_broker"].recheck_interval:
            self._checks = asyncio.create_task(self._check(interval))

    async def _check(self, interval: float) -> None:
        while True:
            # The servers of a class connect at the same moment, and the hub should not be asked for all of them at one.
            await asyncio.sleep(interval * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311 - no secret
            try:
                model = await self._ask(again=True)
            except web.HTTPError:
                continue  # what was true a moment ago stays
            if model is None or server_of(model) != (self.owner.name, self.server):
                self.close(CloseCode.NOT_PERMITTED.value, str(NotPermitted()))
                return
            self.owner = self.settings["vnc_people"].note(model)

    def on_message(self, message: str | bytes) -> None:
        """Take a report."""
        try:
            self._rate.spend("")
            self._links.heard(self, read(message, REPORT))
        except (ValueError, LimitExceeded):
            self.close(CloseCode.VIEWER_PROTOCOL.value, "This is no report, or one too many.")

    def send(self, notice: dict[str, Any]) -> None:
        """See :meth:`.Link.send`."""
        if len(self._sending) >= MAX_WAITING:
            self.close(CloseCode.STALLED.value, "This server does not read.")
            return
        task = asyncio.ensure_future(self._send(json.dumps(notice)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, text: str) -> None:
        try:
            await self.write_message(text)
        except (WebSocketClosedError, StreamClosedError):
            return

    def replace(self) -> None:
        """See :meth:`.Link.replace`."""
        self.close(CloseCode.TAKEN_OVER.value, "This server has connected again.")

    def on_close(self) -> None:
        """Forget what the server said."""
        self._left = True
        if self._checks is not None:
            self._checks.cancel()
        if self._added:
            self._links.remove(self)


def server_of(model: dict[str, Any] | None) -> tuple[str, str] | None:
    """Return for which server a token speaks, as its owner and name; None if it does for none.

    The token of a server has access to exactly this server, and moves its owner's activity. One that a browser has,
    which came from the hub's login at a server, has the first of that only; one that a user made for everything has
    access to all of theirs. But a user can make a token with exactly these scopes, even for a server that they never
    had: so a name is bounded and of one line, and there are at most :data:`~.uplinks.PER_USER` of a user. Such a token
    says no more than the programs in a real server can: it speaks for its own user only.
    """
    if model is None or model.get("kind", "user") != "user":
        return None  # a service may have the name of a user
    scopes, name = model.get("scopes") or [], model["name"]
    servers = [one.partition("=")[2] for one in scopes if one.startswith("access:servers!server=")]
    if len(servers) != 1 or f"users:activity!user={name}" not in scopes:
        return None
    owner, slash, server = servers[0].partition("/")
    fit = len(server) <= LONGEST_NAME and printable(server) == server
    return (owner, server) if slash and owner == name and fit else None
