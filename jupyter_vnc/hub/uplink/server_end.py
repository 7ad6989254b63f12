"""The uplink's end in a user's server: reports to the service which desktops run here, and does what it asks.

This module runs in users' servers; see :mod:`~jupyter_vnc.hub.visitors`. Nothing that happens here is a reason for a
desktop to fail: without the service, people notice nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyter_vnc.channels import Channel
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import LimitExceeded
from jupyter_vnc.hub.client import Client, HubClient, NoAnswer
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.users import User
from jupyter_vnc.model.wall_pictures import WallPicture
from jupyter_vnc.system.logs import Log, Outage
from jupyter_vnc.tasks import beside, end
from jupyter_vnc.throttling import RateLimit
from jupyter_vnc.tokens import SUBPROTOCOL

from .deeds import DEEDS
from .messages import LONGEST, NOTICE, read
from .server_look import ServerLook

#: The service's name in the hub, as ``jupyter_vnc.hub.config`` gives it.
SERVICE: Final = "vnc"
#: Seconds between two looks at what runs here; so often a report is sent at most.
PAUSE: Final = 2.0
#: Seconds until the first and at most until a later try; each is somewhere in the upper half, so that a class whose
#: service was restarted does not come back at once.
FIRST: Final = 1.0
LAST: Final = 120.0
#: Seconds that connecting may take, and between two pings.
CONNECT: Final = 20.0
PING: Final = 30.0
#: The same while somebody looks: the service's pong waits behind pictures as long as they pause. How long they may is
#: the session's affair, see ``stall_timeout``.
LOOK_PING: Final = 120.0
#: Seconds that the closing of a look may take.
CLOSING: Final = 2.0
#: Seconds after which a connection counts as one that works: a service that accepts and drops is tried ever later.
LASTING: Final = PING
#: Seconds within which a server tries again after a connection that worked: all servers lose theirs at the same moment.
SPREAD: Final = 10.0
#: Notices a minute that are done here, and at once; a room with a message to all sends one for each open page. Looks
#: have as many of their own. What is more is left out: a class of instructors must not cost a student the uplink.
PER_MINUTE: Final = 120
BURST: Final = 64
#: So many times as often, something is wrong with the service, and the connection ends.
FLOOD: Final = 10
#: Desktops that are shown at once, and those that are about to be refused.
MAX_LOOKS: Final = 32

#: Sessions of the owner's whose pictures are sent.
MAX_PICTURED: Final = 4

#: Shows a target to somebody, in a mode; see :meth:`jupyter_vnc.broker.looks.Looks.serve`.
Look = Callable[[User, str, Channel, str], Awaitable[None]]


class ServerEnd:
    """Keeps one websocket to the service for as long as the server runs.

    Args:
        hub_auth: JupyterHub's own client, for its address, token and certificates.
        url: the service's root, such as ``https://hub.example.org/services/vnc/``; empty to ask the hub before each
            connection: the token is shown only to an address that the hub vouches for at that moment.
        report: returns what there is to report.
        sessions: returns those that notices may be about.
        changed: called when the service is there, when it is gone, and when it wants pictures or none: see
            :attr:`connected` and :attr:`walled`.
        look: shows a target to somebody, over a channel; returns when that is over.
        hold: holds the input at a desktop, or lifts that, as a notice says.
        log: is told when the service goes away and comes back.
        hub: is asked for the service.
    """

    def __init__(
        self,
        hub_auth: Any,
        url: str,
        report: Callable[[], dict[str, Any]],
        sessions: Callable[[], Iterable[Session]],
        log: Log,
        *,
        look: Look | None = None,
        hold: Callable[[dict[str, Any]], None] = lambda notice: None,
        changed: Callable[[], None] = lambda: None,
        hub: Client | None = None,
    ) -> None:
        self._auth = hub_auth
        self._url = url
        self._report = report
        self._sessions = sessions
        self._log = log
        self._look = look
        self._hold = hold
        self._changed = changed
        #: Whether the service hears this server.
        self.connected = False
        #: Whether an instructor has a wall open, for which pictures are wanted.
        self.walled = False
        self._looks: set[asyncio.Task[None]] = set()
        self._hub = hub or HubClient(hub_auth)
        self._outage = Outage(log, "No uplink to the service of the course room", "The uplink works again")
        self._task: asyncio.Task[None] | None = None
        self._delay = FIRST
        self._found = False
        self._lasted = False
        self._rate = RateLimit(PER_MINUTE, BURST, what="notices")
        self._flood = RateLimit(PER_MINUTE * FLOOD, BURST * FLOOD, what="notices")

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._run(), name="vnc-uplink")

    async def close(self) -> None:
        """Close the connection, and whatever is shown to anybody."""
        if self._task is not None:
            await end([self._task, *self._looks])

    async def _run(self) -> None:
        while True:
            try:
                url = self._url or await self._find_service()
                if not url:
                    return
                await self._serve(await self._connect(url), url)
            except Exception as error:  # noqa: BLE001 - whatever answers there, it is no reason for anything to fail
                self._outage.failed(printable(str(error) or type(error).__name__))
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """Return the seconds until the next try; the one after it is later."""
        span = (0.0, SPREAD) if self._lasted else (self._delay / 2, self._delay)
        self._lasted = False
        self._delay = min(LAST, self._delay * 2)
        return random.uniform(*span)  # noqa: S311 - no secret

    async def _find_service(self) -> str:
        """Ask the hub where the service is; empty if there is none, or this server may not know of it.

        Raises:
            NoAnswer: the hub does not answer, or no longer names the service that it has named before.
        """
        try:
            answer = await self._hub.get(f"services/{SERVICE}")
        except NoAnswer as error:
            if self._found or not error.refused:
                raise
            self._log.debug("No uplink: the hub names no service %r (%s)", SERVICE, error)
            return ""
        url, prefix = answer.get("url"), answer.get("prefix")
        if not isinstance(url, str) or not isinstance(prefix, str) or urlsplit(url).scheme not in {"http", "https"}:
            if self._found:
                raise NoAnswer("the hub does not say any more where the service is")
            self._log.debug("No uplink: the hub does not say where the service %r is", SERVICE)
            return ""
        self._found = True
        return url.rstrip("/") + prefix

    async def _connect(self, url: str) -> WebSocketClientConnection:
        return await self._open(url, "uplink", pings=(PING, PING / 2))

    async def _open(self, url: str, path: str, *offered: str, pings: tuple[float, float]) -> WebSocketClientConnection:
        """Connect to the service; ``pings`` are the seconds between two and until the answer."""
        hub = self._auth
        request = HTTPRequest(
            url.rstrip("/").replace("http", "ws", 1) + f"/{path}",
            headers={"Authorization": f"token {hub.api_token}"},
            connect_timeout=CONNECT,
            request_timeout=CONNECT,
            follow_redirects=False,  # the token must not reach another server
            client_cert=hub.certfile or None,
            client_key=hub.keyfile or None,
            ca_certs=hub.client_ca or None,
        )
        try:
            return await websocket_connect(
                request,
                max_message_size=LONGEST,
                ping_interval=pings[0],
                ping_timeout=pings[1],
                compression_options=None,
                subprotocols=[*offered] or None,
            )
        except HTTPClientError as error:
            raise ConnectionError(f"HTTP {error.code}") from None

    async def _serve(self, connection: WebSocketClientConnection, url: str) -> None:
        """Report until the service is gone."""
        self._become(connected=True)
        lasting = asyncio.get_running_loop().call_later(LASTING, self._lasts)
        try:
            await beside(self._report_changes(connection), self._listen(connection, url))
        finally:
            lasting.cancel()
            connection.close()
            self._become(connected=False)

    def _become(self, *, connected: bool) -> None:
        self.connected, self.walled = connected, False
        self._changed()

    def _lasts(self) -> None:
        self._delay = FIRST
        self._lasted = True
        self._outage.succeeded()

    async def _listen(self, connection: WebSocketClientConnection, url: str) -> None:
        """Do what the service asks.

        Raises:
            ConnectionError: it is gone.
            LimitExceeded: it floods this server.
            ValueError: it says what is no notice.
        """
        while (message := await connection.read_message()) is not None:
            self._flood.spend("")
            notice = read(message, NOTICE)
            try:
                # Whether there is a wall is a state and no deed: without the last one, viewers would go on for nobody.
                if notice["type"] != "wall":
                    self._rate.spend("look" if notice["type"] == "look" else "")
            except LimitExceeded as error:
                self._log.debug("A notice of the service is left out: %s", error)
                continue
            self._obey(notice, url)
        raise ConnectionError(f"closed with code {connection.close_code}")

    async def _report_changes(self, connection: WebSocketClientConnection) -> None:
        """Send a report whenever there is a new one, and new pictures; a slow service gets the next ones later.

        There never is a queue: of each session the latest picture is sent.
        """
        sent, stamp = None, 0
        while True:
            if (latest := self._report()) != sent:
                await connection.write_message(json.dumps(latest))
                sent = latest
            for picture, session in self._new_pictures(stamp):
                await connection.write_message(json.dumps({"picture": {"session": session, "data": picture.data}}))
                stamp = picture.stamp
            await asyncio.sleep(PAUSE)

    def _new_pictures(self, stamp: int) -> list[tuple[WallPicture, str]]:
        """List the pictures after a stamp, in their order, with their sessions."""
        found = [(one.wall_picture, one.id) for one in self._sessions() if one.wall_picture]
        return sorted((row for row in found[:MAX_PICTURED] if row[0].stamp > stamp), key=lambda row: row[0].stamp)

    def _obey(self, notice: dict[str, Any], url: str) -> None:
        """Do what a notice says to one of the sessions, which may have ended meanwhile; or let somebody look."""
        if notice["type"] == "wall":
            self.walled = notice["on"]
            self._changed()
            return
        if notice["type"] == "hold":
            self._hold(notice)
            return
        if notice["type"] == "look":
            if self._look is not None and len(self._looks) < MAX_LOOKS:
                task = asyncio.create_task(self._show_desktop(notice, url, self._look))
                self._looks.add(task)
                task.add_done_callback(self._looks.discard)
            return
        for session in self._sessions():
            if session.id == notice["session"]:
                DEEDS[notice["type"]](session, notice)

    async def _show_desktop(self, notice: dict[str, Any], url: str, look: Look) -> None:
        """Bring a desktop to the service, at the address of the uplink that asked for it."""
        try:
            token = SUBPROTOCOL + notice["token"]
            connection = await self._open(url, "looks", "binary", token, pings=(LOOK_PING, LOOK_PING))
        except Exception as error:  # noqa: BLE001 - whatever answers there; whoever looks is told by the service
            self._log.info("A desktop cannot be shown: %s", printable(str(error) or type(error).__name__))
            return
        channel = ServerLook(connection)
        try:
            await look(User(notice["sender"]), notice["target"], channel, notice.get("mode", "view"))
        finally:
            await channel.finish(CLOSING)
