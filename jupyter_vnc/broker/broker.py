"""The broker: the one façade that handlers call, and the place of every rule: who, what, how many, for how long.

It knows neither HTTP nor websockets. A host gives it a :class:`~jupyter_vnc.model.visitors.Visitor` for each request
and a :class:`~jupyter_vnc.channels.Channel` for each viewer; what it raises carries its own status and close code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from traitlets import Bool, Dict, List, Unicode

from jupyter_vnc.broker.access.kinds import access_kinds
from jupyter_vnc.channels import Channel
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import ConnectLimits
from jupyter_vnc.desktops.doctor import Report
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import ServerStopping, TargetNotFound
from jupyter_vnc.model.pictures import Picture
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.plugins import load_plugin, make_plugin
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.sources.base import TargetSource
from jupyter_vnc.system import descriptors
from jupyter_vnc.system.environment import take_own
from jupyter_vnc.system.logs import Configurable
from jupyter_vnc.tokens import IssuedToken, TokenRegistry, TokenStore

from .admission import Admission
from .attention import Attention
from .audit import Audit
from .catalogue import Access, Catalogue, load_sources
from .course_room import Room
from .elsewhere import Elsewhere
from .framing import FrameTickets
from .hands import Hands
from .limits import BrokerLimits
from .live_sessions import LiveSessions
from .looks import Looks
from .managed_desktops import ManagedDesktops
from .presence import Presence
from .recheck import Rechecker
from .refresh import Refresher
from .session_runner import ServingLimits, SessionRunner
from .streams import Streams
from .target_rows import TargetRows
from .traffic import Activity
from .viewer_notes import ViewerNotes
from .walls import Walls

#: The longest sentence about a mistake of the configuration that a page shows (characters).
MAX_PROBLEM: Final = 500

#: How many mistakes of the configuration a page shows; the log has them all.
MAX_PROBLEMS: Final = 20

#: The target that is there when nothing is configured and an X server with VNC is installed.
DEFAULT_TARGETS = {"desktop": {"title": "Desktop", "desktop": {}}}


class VNCBroker(BrokerLimits, Configurable):
    """Targets, tokens, sessions and desktops of one server."""

    targets = Dict(
        help="""The VNC servers that users may view: name to a dictionary of keys.

        For example ``{"lab-1": {"host": "lab-1.example.org", "port": 5901, "password_file": "/etc/…/lab-1.passwd"}}``.
        Default: one managed desktop, if an X server with VNC is installed. A bad entry is refused by name and key
        when the server starts; the others work.
        """,
    ).tag(config=True)

    target_sources = List(
        default_value=["config"],
        help="""Where targets come from, merged in this order: names of installed sources (``config``, ``websockify``,
        ``directory``), dotted paths, or classes. A name that two sources have is the first one's.
        """,
    ).tag(config=True)

    token_store = Unicode(
        "memory",
        help="""Where unused tokens wait: ``memory`` (default; one process), ``database`` (default in the hub service;
        shared by all of its processes), or an installed or dotted-path store of your own.
        """,
    ).tag(config=True)

    #: Whether targets may be desktops that this process starts: under its own account, so only where it has one user.
    managed_desktops = Bool(True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.desktop_manager = DesktopManager(parent=self)
        take_own()
        self.pools = PoolManager(parent=self)
        #: What nobody new gets at present.
        self.maintenance = self.pools.maintenance
        self.registry = SessionRegistry(self.session_limits, descriptors.refusal)
        self.presence = Presence(self.registry)
        self.registry.on_meet = self.presence.changed
        self.audit = Audit(self.log)
        #: One for all logins, because its limits are per server.
        self.connector = connector = Connector(ConnectLimits(self.connect_timeout, self.handshake_timeout))
        self.access = access = access_kinds(
            *(connector, self.desktop_manager, self.pools, self.registry, self.log, self.audit.metrics),
            managed=self.managed_desktops,
        )
        sources = load_sources(self, self.target_sources)
        self.catalogue = Catalogue(sources, self.log, fits=access.serves, found=access.found, lost=access.lost)
        self.frames = FrameTickets(self.catalogue)
        self._rechecker = Rechecker(self.catalogue, self.log)
        self._refresher = Refresher(self.registry, self.catalogue, self.access, self.log)
        self.tokens = TokenRegistry(
            self._load_store(), ttl=self.token_ttl, per_minute=self.tokens_per_minute, burst=self.token_burst
        )
        self.hands = Hands(self.registry)
        self.walls = Walls(self.registry, self.log, usual=self.wall)
        self.attention = Attention(self.registry, self.log)
        self.notes = ViewerNotes(self.hands, self.walls, self.attention)
        self._rows = TargetRows(self.access, self.registry, self.maintenance)
        self._admission = Admission(self.catalogue, self.tokens, self.registry, self._rows.is_closed)
        self._runner = SessionRunner(
            *(self.access, self.registry, self.presence, self.notes, self.audit, self.log),
            ServingLimits(self.handshake_timeout, self.stall_timeout),
            Activity(self.activity, lambda: self.on_activity()),  # noqa: PLW0108 - the host sets it later
        )
        self.desktops = ManagedDesktops(
            self.desktop_manager, self.catalogue, self.tokens, self.audit, self.log, self.check_running
        )
        self.streams = Streams(
            self.catalogue, self.tokens, self.registry, self.access, self.log, self.check_running, self.stall_timeout
        )
        self.room = Room(self.registry, self.catalogue, self.access)
        self.live = LiveSessions(self.registry, self.catalogue, self.access, self.log)
        self.looks = Looks(self.catalogue, self.desktop_manager, self.open)
        #: Sessions from their first byte on, also while they are being admitted, and what serves them.
        self._serving: dict[asyncio.Task[None], Session] = {}
        self._stopping = False
        #: Called whenever a user does something in a desktop; the host moves its own clocks.
        self.on_activity: Callable[[], None] = lambda: None

    def hear_of(self, elsewhere: Elsewhere) -> None:
        """Take desktops in other servers as part of the course room, of the sessions there, and of what can be seen."""
        self.room.elsewhere = self.live.elsewhere = self.catalogue.elsewhere = self.walls.elsewhere = elsewhere
        self.attention.elsewhere = elsewhere
        self.access.look_by(elsewhere.look)

    # -- configuration ------------------------------------------------------------------------------------------

    @property
    def configured_targets(self) -> dict[str, Any]:
        """Return :attr:`targets`; if it is empty and no other source is configured, the default desktop."""
        nothing = not self.targets and self.target_sources == ["config"]
        if nothing and self.managed_desktops and self.desktop_manager.available:
            return DEFAULT_TARGETS
        return dict(self.targets)

    def _load_store(self) -> TokenStore:
        """Build the token store. Unlike a source it must work: the server does not start without it.

        Raises:
            ConfigError: it does not exist, or cannot be made.
        """
        key = "VNCBroker.token_store"
        kind = load_plugin(TokenStore, "jupyter_vnc.token_stores", self.token_store, key=key)
        return make_plugin(kind, key=key, parent=self, per_user=self.tokens_per_user, total=self.tokens_total)

    @property
    def sources(self) -> list[TargetSource]:
        """Where targets come from, in the order of precedence."""
        return self.catalogue.sources

    @property
    def advice(self) -> str:
        """What to do when there is no target; empty when an X server with VNC could make one."""
        return self.desktop_manager.advice

    @property
    def problems(self) -> list[str]:
        """What is wrong with the configuration of targets at present, for administrators: a sentence each."""
        return [printable(problem, MAX_PROBLEM) for problem in self.catalogue.problems[:MAX_PROBLEMS]]

    def examine(self) -> Report:
        """Look for what this machine lacks for managed desktops; reads files, so a loop calls it in a thread."""
        return self.desktop_manager.examine()

    # -- targets ------------------------------------------------------------------------------------------------

    async def list_targets(self, visitor: Visitor) -> list[dict[str, Any]]:
        """List the targets that the visitor may view: the rows of ``GET api/targets``."""
        visible = await self.catalogue.visible(visitor)
        return [self._rows.row(visitor, Access(target, mode, visitor.home)) for target, mode in visible]

    async def public_target(
        self, visitor: Visitor, name: str, owner: str = "", server: str | None = None
    ) -> dict[str, Any]:
        """Return one row of ``GET api/targets``; with an owner, of somebody else's desktop, and with a server in it.

        Raises:
            TargetNotFound: unknown or not permitted.
        """
        return self._rows.row(visitor, await self.catalogue.find(visitor, name, owner, server))

    async def picture(self, visitor: Visitor, name: str) -> Picture:
        """Return the icon of a target that has one of its own, from a file.

        Raises:
            TargetNotFound: unknown or not permitted, or its icon is none from a file.
        """
        icon = (await self.catalogue.find(visitor, name)).target.icon
        if not isinstance(icon, Picture):
            raise TargetNotFound
        return icon

    # -- tokens -------------------------------------------------------------------------------------------------

    async def issue(self, visitor: Visitor, name: object, *wanted: Any, **more: Any) -> tuple[IssuedToken, Mode]:
        """Issue a token for a target; see :meth:`~jupyter_vnc.broker.admission.Admission.issue`."""
        with self.audit.metrics.token("issue"):
            self.check_running()
            return await self._admission.issue(visitor, name, *wanted, **more)

    async def redeem(self, visitor: Visitor, token: str) -> Session:
        """Exchange a token for a session that :meth:`open` runs; see :class:`.Admission`."""
        with self.audit.metrics.token("redeem"):
            self.check_running()
            return await self._admission.redeem(visitor, token)

    # -- sessions -----------------------------------------------------------------------------------------------

    def open(self, session: Session, viewer: Channel, visitor: Visitor | None) -> asyncio.Task[None]:
        """Start to serve a session; the task ends when the session does and never raises.

        Without a visitor, somebody else sees to it that the session stays permitted.
        """
        task = asyncio.create_task(self._runner.serve(session, viewer), name=f"vnc-session-{session.id}")
        self._serving[task] = session
        task.add_done_callback(self._serving.pop)
        if self.recheck_interval and visitor is not None:
            check = asyncio.create_task(self._rechecker.watch(session, visitor, self.recheck_interval))
            task.add_done_callback(lambda _: check.cancel())
        return task

    def current_activity(self) -> dict[str, Any] | None:
        """Return the sessions with recent activity for the host's idle check, or None.

        Open tabs do not count, because a forgotten one would keep a server running forever.
        """
        if self.activity == "none":
            return None
        return {session.id: session.public() for session in self.registry if session.in_use} or None

    # -- begin and end ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Clear away the desktops of servers that were killed, and read what leases there are.

        The host calls it once its event loop runs.

        Raises:
            ConfigError: the leases cannot be kept where they should be.
        """
        descriptors.warn(self.sessions_total, self.log)
        await self.desktop_manager.sweep()
        await self.pools.start()
        self._refresher.start()

    def check_running(self) -> None:
        """Refuse to begin anything new while the server stops.

        Raises:
            ServerStopping: it does.
        """
        if self._stopping:
            raise ServerStopping

    async def close(self) -> None:
        """Stop: no new tokens, sessions told and closed within five seconds, desktops, store and sources closed."""
        self._stopping = True
        for session in (*self.registry, *self._serving.values()):
            session.end(ServerStopping())
        await self.streams.close()
        if self._serving:
            await asyncio.wait(self._serving, timeout=5.0)
        self.presence.close()
        self.walls.close()
        self.attention.holds.close()
        async with AsyncExitStack() as ends:  # the last one first; if one fails, the others are still closed
            for source in reversed(self.catalogue.sources):
                ends.push_async_callback(source.close)
            for part in (self.tokens, self.pools, self.desktop_manager, self.desktops, self._refresher):
                ends.push_async_callback(part.close)
