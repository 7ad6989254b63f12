"""Serving one session: both handshakes, the relay, and an end that says why.

One task owns a session from its first byte to its last; whatever happens, its ``finally`` closes both legs, and the
registry forgets the session last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from logging import Logger, LoggerAdapter
from typing import Any, Final, Protocol, TypeVar

from jupyter_vnc import tasks
from jupyter_vnc.channels import Channel
from jupyter_vnc.connect.connector import Connector, TargetLeg, converse
from jupyter_vnc.exceptions import CloseCode, ServerStopping, Stalled, TargetUnreachable, VNCError
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec, PoolAddress, TCPAddress, UnixAddress
from jupyter_vnc.model.sessions import Session, SessionRegistry
from jupyter_vnc.model.targets import State, Target
from jupyter_vnc.relay.pipes import PipePool
from jupyter_vnc.relay.relay import Copier, Leg, Relay
from jupyter_vnc.relay.scheduler import Turns
from jupyter_vnc.relay.zerocopy import pump_to_viewer
from jupyter_vnc.rfb.handshake import ViewerHandshake, client_init

from .audit import Audit
from .pool_sessions import PooledSessions
from .traffic import Watch, WatchOwner

#: For how long the outcome of the last connection tells a TCP target's state (seconds).
STATE_MEMORY: Final = 60.0

_ENDINGS: Final = {Leg.VIEWER: "The viewer left.", Leg.TARGET: "The desktop has ended the connection."}

T = TypeVar("T")


class Desktops(Protocol):
    """What serving needs of the desktop manager."""

    async def ensure(self, user: str, name: str, spec: DesktopSpec) -> UnixAddress:
        """Start the desktop if it does not run; return where it listens."""

    def attach(self, user: str, name: str) -> None:
        """Count a viewer."""

    def detach(self, user: str, name: str) -> None:
        """Count one viewer less."""

    def touch(self, user: str, name: str) -> None:
        """Note that its user did something."""

    async def ending(self, user: str, name: str) -> tuple[State, str]:
        """Say what a desktop is that has closed a connection, and why."""


class ServingOwner(WatchOwner, Protocol):
    """What serving needs of the broker."""

    log: Logger | LoggerAdapter[Any]
    registry: SessionRegistry
    audit: Audit
    stall_timeout: float
    handshake_timeout: float


class SessionRunner:
    """Runs sessions for a broker, and remembers how the last connection to each server went."""

    def __init__(self, owner: ServingOwner, connector: Connector, desktops: Desktops, pooled: PooledSessions) -> None:
        self._owner = owner
        self._pooled = pooled
        self._connector = connector
        self._desktops = desktops
        self._pipes = PipePool()
        self._turns = Turns()
        self._outcomes: dict[str, tuple[State, float]] = {}

    def last_state(self, address: str) -> State:
        """How the last connection went, if that was lately; otherwise unknown."""
        state, when = self._outcomes.get(address, (State.UNKNOWN, 0.0))
        return state if time.monotonic() - when < STATE_MEMORY else State.UNKNOWN

    async def serve(self, session: Session, viewer: Channel) -> None:
        """Own one session to its end. Never raises: every error becomes the viewer's close code and sentence."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
        code, reason = CloseCode.INTERNAL_ERROR, ""
        admitted = False
        try:
            session.run_by(task.cancel)
            self._owner.registry.add(session)
            admitted = True
            self._announce(session)
            self._owner.audit.opened(session)
            code, reason = CloseCode.NORMAL, await self._ending(session, await self._join(session, viewer))
        except asyncio.CancelledError:
            code, reason = self._told(session, session.error or ServerStopping())
        except VNCError as error:
            code, reason = self._told(session, error)
        except Exception:  # nothing may reach the viewer as a traceback
            self._owner.log.exception("Session %s failed", session.id)
            reason = "Something went wrong in the server. Its log has the details."
        finally:
            await close_viewer(viewer, code, reason)
            if admitted:
                self._owner.audit.closed(session, code, reason)
                self._owner.registry.remove(session)
                self._announce(session)

    def _announce(self, session: Session) -> None:
        """Tell the others on the desktop that somebody came or left."""
        for other in self._owner.registry.at(session.place):
            if other is not session:
                other.note("viewers")

    def _told(self, session: Session, error: VNCError) -> tuple[CloseCode, str]:
        self._owner.log.info("Session %s, target %s: %s", session.id, session.target.name, error.log_line)
        return error.close_code, str(error)

    async def _join(self, session: Session, viewer: Channel) -> Leg:
        """Bring both legs up, then relay; return which end closed first. The stack closes what was opened."""
        handshake = ViewerHandshake()
        async with AsyncExitStack() as stack:
            leg = await _beside(self._attend(handshake, viewer), self._reach_target(session, stack))
            session.bytes_out += len(leg.early)
            handshake.accept(leg.early)
            await self._converse(handshake, viewer, paused=lambda: False)
            return await self._relay(session, viewer, leg, handshake.leftover())

    async def _ending(self, session: Session, first: Leg) -> str:
        """Say why a session ended in which nothing went wrong between the two ends.

        Raises:
            TargetUnreachable: the desktop crashed, so that a viewer which comes back starts it again.
        """
        if first is Leg.TARGET and isinstance(session.target.address, DesktopAddress):
            state, why = await self._desktops.ending(session.owner.name, session.target.name)
            if state is State.DOWN:
                raise TargetUnreachable(why)
            if state is State.STOPPED and why:  # else it may be starting again, and say how far it is
                return why
        return _ENDINGS[first]

    async def _attend(self, handshake: ViewerHandshake, viewer: Channel) -> None:
        """Greet a viewer and stay with it: who leaves meanwhile must not keep a place in the queue for a target.

        Raises:
            VNCError: it left, or it said what it should not have said.
        """
        await self._converse(handshake, viewer, paused=lambda: handshake.waiting)
        await converse(handshake, viewer, paused=lambda: False)

    async def _converse(self, handshake: ViewerHandshake, viewer: Channel, *, paused: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(self._owner.handshake_timeout):
                await converse(handshake, viewer, paused=paused)
        except TimeoutError:
            raise Stalled("The viewer did not finish its greeting in time.") from None

    async def _reach_target(self, session: Session, stack: AsyncExitStack) -> TargetLeg:
        """Start the desktop if it is ours to start, connect, log in, and get its first words.

        The leg goes on the stack here and not where it is returned to: the viewer may fail in between.
        """
        if isinstance(session.target.address, PoolAddress):
            leg = await self._pooled.reach(session, self._connect)
        else:
            leg = await self._connect(session.target, await self._address(session, session.target.address))
        stack.push_async_callback(leg.channel.close)
        if isinstance(session.target.address, DesktopAddress):
            names = (session.owner.name, session.target.name)
            self._desktops.attach(*names)
            stack.callback(self._desktops.detach, *names)
        await _begin(leg, session.target.limits.handshake_timeout or self._owner.handshake_timeout)
        return leg

    async def _connect(self, target: Target, address: TCPAddress | UnixAddress) -> TargetLeg:
        """Connect and log in, and remember how it went."""
        try:
            leg = await self._connector.connect(target, address)
        except TargetUnreachable:
            self._note(address, State.DOWN)
            raise
        self._note(address, State.UP)
        return leg

    async def _address(
        self, session: Session, address: TCPAddress | UnixAddress | DesktopAddress
    ) -> TCPAddress | UnixAddress:
        if isinstance(address, DesktopAddress):
            return await self._desktops.ensure(session.owner.name, session.target.name, address.spec)
        return address

    def _touch(self, session: Session) -> None:
        """Somebody uses a desktop, or a machine: it is not idle."""
        if isinstance(session.target.address, DesktopAddress):
            self._desktops.touch(session.owner.name, session.target.name)
        elif isinstance(session.target.address, PoolAddress):
            self._pooled.touch(session)

    def _note(self, address: object, state: State) -> None:
        if isinstance(address, TCPAddress):
            self._outcomes[str(address)] = (state, time.monotonic())

    async def _relay(self, session: Session, viewer: Channel, leg: TargetLeg, early: bytes) -> Leg:
        watch = Watch(session, self._owner, self._touch)
        stall = session.target.limits.stall_timeout or self._owner.stall_timeout
        from_viewer = Copier(viewer, leg.channel, watch.from_viewer, stall_timeout=stall, early=early)
        from_target = pump_to_viewer(
            leg.channel,
            viewer,
            count=watch.from_target,
            stall_timeout=stall,
            pipes=self._pipes,
            turns=self._turns,
            session_id=session.id,
        )
        return await Relay(from_viewer, from_target).run()


async def close_viewer(viewer: Channel, code: CloseCode, reason: str) -> None:
    """Close the viewer leg, with code and sentence where its transport has them."""
    closer = getattr(viewer, "close_with", None)
    await (closer(code, reason) if closer else viewer.close())


async def _begin(leg: TargetLeg, limit: float) -> None:
    """Ask the desktop what it is, ahead of the viewer, and keep the answer for it (ServerInit).

    A desktop that closes instead says nothing; the relay finds its end.

    Args:
        leg: just logged in.
        limit: seconds that it may take.

    Raises:
        TargetUnreachable: it did not answer in time, or it is gone.
    """
    # Never what the viewer asks: an exclusive ClientInit would disconnect everybody else.
    await _send(leg, client_init(shared=True))
    try:
        async with asyncio.timeout(limit):
            leg.early += await leg.channel.read()
    except TimeoutError:
        raise TargetUnreachable("The desktop did not finish its greeting in time.") from None


async def _send(leg: TargetLeg, data: bytes) -> None:
    try:
        await leg.channel.write(data)
    except ConnectionError as error:
        raise TargetUnreachable("The desktop closed the connection.", detail=str(error)) from None


async def _beside(company: Coroutine[Any, Any, None], work: Coroutine[Any, Any, T]) -> T:
    """Return what the work gives; who keeps company ends with it. When either fails, neither is left running."""
    both = asyncio.create_task(company), asyncio.create_task(work)
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if both[0].done():
            both[0].result()
        return await both[1]
    finally:
        await tasks.end(both)
