"""``WS {root}uplink``: a user's server logs in with its own token, and speaks for its own user only."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, Final

from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import LimitExceeded, NotPermitted
from jupyter_vnc.throttling import RateLimit

from .links import UNSAID
from .messages import LONGEST, PICTURE, PICTURE_BEGINS, REPORT, read
from .socket_login import ServerSocket, server_of

#: Seconds between two pings; the server's side closes as soon as its own are not answered.
PING: Final = 30.0
#: Reports a minute, twice as many as a server sends; and at once, as after a pause in which it has gone on sending: it
#: is not noticed before a ping is not answered.
PER_MINUTE: Final = 60
BURST: Final = 30
#: Pictures a minute, and at once, of all sessions of a server: some more than it sends.
PICTURES_PER_MINUTE: Final = 150
PICTURES_AT_ONCE: Final = 60
#: By how much of the interval a look at the token may be earlier or later.
SPREAD: Final = 0.25
#: Notices that may wait for a server that does not read; with one more it is closed.
MAX_WAITING: Final = 64


class Uplink(ServerSocket):
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
        self.report = UNSAID
        self._rate = RateLimit(PER_MINUTE, BURST, what="reports")
        self._pictures = RateLimit(PICTURES_PER_MINUTE, PICTURES_AT_ONCE, what="pictures")
        self._sending: set[asyncio.Future[None]] = set()

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to check now and then whether the token still is that server's: it is not after the server's end."""
        if self._left:
            return
        try:
            self.links.add(self)
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
                model = await self.ask(again=True)
            except web.HTTPError:
                continue  # what was true a moment ago stays
            if model is None or server_of(model) != (self.owner.name, self.server):
                self.close(CloseCode.NOT_PERMITTED.value, str(NotPermitted()))
                return
            self.owner = self.settings["vnc_people"].note(model)

    def on_message(self, message: str | bytes) -> None:
        """Take a report, or a picture."""
        try:
            if isinstance(message, str) and message.startswith(PICTURE_BEGINS):
                self._pictures.spend("")
                said = read(message, PICTURE)["picture"]
                self.links.walls.pictured(self, said["session"], said["data"])
            else:
                self._rate.spend("")
                self.links.heard(self, read(message, REPORT))
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
            self.links.remove(self)
