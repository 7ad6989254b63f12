"""The broker: the one façade that handlers call, and the place of every rule: who, what, how many, for how long.

It knows neither HTTP nor websockets. A host gives it a :class:`~jupyter_vnc.targets.Visitor` for each request and a
:class:`~jupyter_vnc.channels.Channel` for each viewer; what it raises carries its own status and close code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from traitlets import Dict, List, Unicode
from traitlets.config import LoggingConfigurable

from .audit import Audit
from .broker_config import BrokerLimits
from .channels import Channel
from .connect import ConnectLimits, Connector
from .desktop_rules import ManagedDesktops
from .desktops.manager import DesktopManager
from .exceptions import ConfigError, MalformedRequest, NotPermitted, ServerStopping, TargetNotFound, TokenRefused
from .plugins import load_plugin
from .serving import SessionRunner
from .sessions import Session, SessionLimits, SessionRegistry
from .targets import TARGET_NAME, DesktopAddress, Mode, State, Target, TargetSource, UnixAddress, User, Visitor
from .tokens import Grant, IssuedToken, TokenRegistry, TokenStore

#: The target that is there when nothing is configured and an X server with VNC is installed.
DEFAULT_TARGETS = {"desktop": {"title": "Desktop", "desktop": {}}}


class VNCBroker(BrokerLimits, LoggingConfigurable):
    """Targets, tokens, sessions and desktops of one server."""

    targets = Dict(
        help="""The VNC servers that users may look at: name to a dictionary of keys.

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
        help="""Where unused tokens wait: ``memory`` (default; one process), or an installed or dotted-path store that
        several processes share.
        """,
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.desktop_manager = DesktopManager(parent=self)
        self._use_default_target()
        self.sources = self._load_sources()
        self.tokens = TokenRegistry(
            self._load_store(), ttl=self.token_ttl, per_minute=self.tokens_per_minute, burst=self.token_burst
        )
        self.audit = Audit(self.log)
        limits = SessionLimits(self.sessions_per_user, self.sessions_per_target, self.sessions_total)
        self.registry = SessionRegistry(limits)
        connector = Connector(ConnectLimits(self.connect_timeout, self.handshake_timeout))
        self._runner = SessionRunner(self, connector, self.desktop_manager)
        self.desktops = ManagedDesktops(self, self.desktop_manager)
        self._serving: set[asyncio.Task[None]] = set()
        self._stopping = False
        #: Called whenever a user does something in a desktop; the host moves its own clocks.
        self.on_activity: Callable[[], None] = lambda: None

    # -- configuration ------------------------------------------------------------------------------------------

    def _use_default_target(self) -> None:
        if not self.targets and self.target_sources == ["config"] and self.desktop_manager.available:
            self.targets = DEFAULT_TARGETS

    def _load_sources(self) -> list[TargetSource]:
        """Build the sources; one that cannot be built is logged and left out, the others work."""
        sources: list[TargetSource] = []
        for wanted in self.target_sources:
            try:
                kind = load_plugin(TargetSource, "jupyter_vnc.target_sources", wanted, key="target_sources")
                configurable = issubclass(kind, LoggingConfigurable)
                sources.append(kind(parent=self) if configurable else kind())  # type: ignore[call-arg]
            except ConfigError as error:
                self.log.error("VNCBroker: %s", error)  # noqa: TRY400 - the sentence says it all
        return sources

    def _load_store(self) -> TokenStore:
        """Build the token store. Unlike a source it must work: the server does not start without it.

        Raises:
            ConfigError: it does not exist.
        """
        kind = load_plugin(TokenStore, "jupyter_vnc.token_stores", self.token_store, key="VNCBroker.token_store")
        if issubclass(kind, LoggingConfigurable):
            return kind(parent=self)
        return kind(per_user=self.tokens_per_user, total=self.tokens_total)  # type: ignore[call-arg]

    @property
    def advice(self) -> str:
        """What to do when there is no target; empty when an X server with VNC could make one."""
        return self.desktop_manager.advice

    # -- targets ------------------------------------------------------------------------------------------------

    async def list_targets(self, visitor: Visitor) -> list[dict[str, Any]]:
        """List what the visitor may look at: the rows of ``GET api/targets``."""
        pairs = [(target, await self._best_mode(visitor, target)) for target in await self.visible(visitor.user)]
        return [
            target.public(mode=mode, state=self.state(target, visitor.user))
            for target, mode in pairs
            if mode is not None
        ]

    async def find(self, visitor: Visitor, name: object) -> tuple[Target, Mode]:
        """Return a target, as this user has it, and the most that the visitor may do there.

        Raises:
            TargetNotFound: unknown or not permitted; the answer is the same.
        """
        if not isinstance(name, str) or not TARGET_NAME.fullmatch(name):
            raise TargetNotFound
        for source in self.sources:
            if (target := await self._ask(source, visitor.user, name)) is not None:
                if (mode := await self._best_mode(visitor, target)) is None:
                    break
                return target.for_user(visitor.user), mode
        raise TargetNotFound

    async def public_target(self, visitor: Visitor, name: str) -> dict[str, Any]:
        """Return one row of ``GET api/targets``.

        Raises:
            TargetNotFound: unknown or not permitted.
        """
        target, mode = await self.find(visitor, name)
        return target.public(mode=mode, state=self.state(target, visitor.user))

    def state(self, target: Target, user: User) -> State:
        """What is known of a target without connecting: probes would count against a server's lock-out."""
        address = target.address
        if isinstance(address, DesktopAddress):
            return self.desktop_manager.state(user.name, target.name)
        try:
            address = address.for_user(user.name)
        except TargetNotFound:
            return State.DOWN
        if isinstance(address, UnixAddress):
            return State.UP if Path(address.path).is_socket() else State.DOWN
        return self._runner.last_state(str(address))

    async def visible(self, user: User) -> list[Target]:
        """Return the targets that a user has, before anybody asks an authorizer."""
        merged: dict[str, Target] = {}
        for source in self.sources:
            for target in await self._ask_all(source, user):
                merged.setdefault(target.name, target)
        return list(merged.values())

    async def _ask_all(self, source: TargetSource, user: User) -> list[Target]:
        try:
            return [target for target in await source.targets(user) if target.admits(user)]
        except Exception:  # a plug-in may raise anything; the other sources must go on
            self.log.exception("Target source %s failed", type(source).__name__)
            return []

    async def _ask(self, source: TargetSource, user: User, name: str) -> Target | None:
        try:
            target = await source.target(user, name)
        except Exception:
            self.log.exception("Target source %s failed", type(source).__name__)
            return None
        return target if target is not None and target.admits(user) else None

    async def _best_mode(self, visitor: Visitor, target: Target) -> Mode | None:
        resource = f"vnc:{target.name}"
        if not await visitor.may("read", resource):
            return None
        if target.mode is Mode.CONTROL and await visitor.may("execute", resource):
            return Mode.CONTROL
        return Mode.VIEW

    # -- tokens -------------------------------------------------------------------------------------------------

    async def issue(
        self, visitor: Visitor, name: object, mode: object = None, takeover: object = False
    ) -> tuple[IssuedToken, Mode]:
        """Issue a token for a target; starts nothing, and nobody makes way before it is redeemed.

        Raises:
            MalformedRequest: the mode is none, or ``takeover`` is not true or false.
            TargetNotFound: unknown or not permitted.
            NotPermitted: control was asked for, and only looking is permitted.
            TargetBusy: somebody else is in control of an exclusive target, and ``takeover`` is not asked for.
            LimitExceeded: too many tokens or sessions.
            StoreUnavailable: the token store does not answer.
        """
        self.check_running()
        if not isinstance(takeover, bool):
            raise MalformedRequest("takeover must be true or false")
        target, best = await self.find(visitor, name)
        granted = self._granted(mode, best)
        self.registry.check(visitor.user, target, granted, takeover=takeover)
        grant = Grant(visitor.user.name, target.name, target.generation, granted, takeover)
        return await self.tokens.issue(grant), granted

    def _granted(self, mode: object, best: Mode) -> Mode:
        if mode is None:
            return best
        if not isinstance(mode, str) or mode not in set(Mode):
            raise MalformedRequest(f"mode must be one of {', '.join(Mode)}")
        granted = Mode(mode)
        if granted is Mode.CONTROL and best is Mode.VIEW:
            raise NotPermitted("You may look at this desktop, but not control it.")
        return granted

    async def redeem(self, visitor: Visitor, token: str) -> Session:
        """Exchange a token for a session that :meth:`open` then runs.

        Raises:
            TokenRefused: unknown, spent, expired, another user's, or for what the target no longer is or permits.
            StoreUnavailable: the token store does not answer.
        """
        self.check_running()
        grant = await self.tokens.redeem(token, visitor.user.name)
        try:
            target, best = await self.find(visitor, grant.target)
        except TargetNotFound:
            raise TokenRefused(detail=f"{grant.target} is gone or no longer permitted") from None
        if target.generation != grant.generation:
            raise TokenRefused(detail=f"{grant.target} is another server than when the token was issued")
        if grant.mode is Mode.CONTROL and best is Mode.VIEW:
            raise TokenRefused(detail=f"control of {grant.target} is no longer permitted")
        return Session(visitor.user, target, grant.mode, takeover=grant.takeover)

    # -- sessions -----------------------------------------------------------------------------------------------

    def open(self, session: Session, viewer: Channel) -> asyncio.Task[None]:
        """Start to serve a session; the task ends when the session does and never raises."""
        task = asyncio.create_task(self._runner.serve(session, viewer), name=f"vnc-session-{session.id}")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task

    def list_sessions(self, user: User) -> list[dict[str, Any]]:
        """List the user's live sessions (all of them for an admin): the rows of ``GET api/sessions``."""
        return [session.public() for session in self.registry.of(user)]

    async def list_viewers(self, visitor: Visitor, name: str) -> list[dict[str, Any]]:
        """List who has a desktop on the screen, the visitor too: the rows of ``GET api/targets/{name}/viewers``.

        Raises:
            TargetNotFound: unknown or not permitted.
        """
        target, _ = await self.find(visitor, name)
        return [session.as_seen_by(visitor.user) for session in self.registry.at(visitor.user, target)]

    def end(self, session_id: str, user: User) -> None:
        """End a session that :meth:`list_sessions` lists.

        Raises:
            TargetNotFound: there is none.
        """
        self.registry.end(session_id, user)

    def current_activity(self) -> dict[str, Any] | None:
        """Live sessions for the host's idle check, or None."""
        return {session.id: session.public() for session in self.registry} or None

    # -- begin and end ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Clear away the desktops of servers that were killed; the host calls it once its event loop runs."""
        await self.desktop_manager.sweep()

    def check_running(self) -> None:
        """Refuse what would begin something new while the server stops.

        Raises:
            ServerStopping: it does.
        """
        if self._stopping:
            raise ServerStopping

    async def close(self) -> None:
        """Stop: no new tokens, sessions told and closed within five seconds, desktops and sources stopped."""
        self._stopping = True
        for session in self.registry:
            session.end(ServerStopping())
        if self._serving:
            await asyncio.wait(self._serving, timeout=5.0)
        await self.desktops.close()
        await self.desktop_manager.close()
        for source in self.sources:
            await source.close()
