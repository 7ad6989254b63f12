"""Serving one session: both handshakes, the relay, and a close with a reason.

One task owns a session from its first byte to its last; whatever happens, its ``finally`` closes both legs, and the
registry forgets the session last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from logging import Logger, LoggerAdapter
from typing import Any, Final

from jupyter_vnc import tasks
from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.channels import Channel
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.connect.login import TargetLeg, converse
from jupyter_vnc.exceptions import LimitExceeded, ServerStopping, Stalled, TargetError, TargetUnreachable, VNCError
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.relay.pipes import PipePool
from jupyter_vnc.relay.relay import Copier, Leg, Relay
from jupyter_vnc.relay.scheduler import FairScheduler
from jupyter_vnc.relay.zerocopy import pump_to_viewer
from jupyter_vnc.rfb.handshake import ViewerHandshake, client_init
from jupyter_vnc.rfb.server_init import ServerInit
from jupyter_vnc.system.descriptors import is_ours, no_room
from jupyter_vnc.system.logs import LineLimiter

from .audit import Audit
from .first_picture import FirstPicture
from .held_input import HeldInput
from .presence import Presence
from .traffic import Activity, Watch, permissions_of
from .viewer_notes import ViewerNotes

_FAILED: Final = "Something went wrong in the server. Its log has the details."
_ENDINGS: Final = {Leg.VIEWER: "The viewer left.", Leg.TARGET: "The desktop has ended the connection."}


@dataclass(frozen=True, slots=True)
class ServingLimits:
    """Seconds that a session may take, where its target has no limit of its own."""

    handshake_timeout: float
    stall_timeout: float


class SessionRunner:
    """Runs sessions for a broker.

    Args:
        kinds: how each kind of target is reached.
        registry: the live sessions.
        presence: notified when somebody comes to a desktop or leaves it.
        notes: notified when somebody comes, and when they see the desktop.
        audit: notified when one begins and ends.
        log: for errors.
        limits: for all of them.
        activity: what counts as activity for the host.
    """

    def __init__(
        self,
        kinds: AccessKinds,
        registry: SessionRegistry,
        presence: Presence,
        notes: ViewerNotes,
        audit: Audit,
        log: Logger | LoggerAdapter[Any],
        limits: ServingLimits,
        activity: Activity,
    ) -> None:
        self._kinds = kinds
        self._registry = registry
        self._presence = presence
        self._notes = notes
        self._audit = audit
        self.log = log
        self._limits = limits
        self._activity = activity
        self._pipes = PipePool()
        self._scheduler = FairScheduler()
        self._refusals = LineLimiter()

    async def serve(self, session: Session, viewer: Channel) -> None:
        """Own one session to its end. Never raises: every error becomes the viewer's close code and sentence."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
        code, reason = CloseCode.INTERNAL_ERROR, ""
        admitted = False
        try:
            session.run_by(task.cancel)
            await self._registry.admit(session)
            admitted = True
            self._announce(session)
            code, reason = CloseCode.NORMAL, await self._ending(session, await self._join(session, viewer))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - no traceback may reach the viewer
            code, reason = self._told(session, self._explained(session, error))
        finally:
            try:
                await viewer.close(code, reason)
            finally:  # even if the viewer cannot be notified, the session is over
                if admitted:
                    self._withdraw(session, code, reason)

    def _announce(self, session: Session) -> None:
        access, about = self._kinds.of(session.target), (session.target, session.owner)
        if access.has_sound(*about) or access.has_video(*about):
            session.note("session", id=session.id)  # which its viewer has to name for a stream
        self._presence.changed(session.place)
        self._notes.came(session)
        self._audit.opened(session)

    def _withdraw(self, session: Session, code: CloseCode, reason: str) -> None:
        self._audit.closed(session, code, reason)
        self._registry.remove(session)
        self._notes.left(session)
        self._presence.changed(session.place)

    def _explained(self, session: Session, error: BaseException) -> VNCError:
        """Return what the viewer is told; of what nobody has foreseen, the log gets the traceback."""
        if isinstance(error, asyncio.CancelledError):
            return session.error or ServerStopping()
        if isinstance(error, VNCError):
            return error
        if isinstance(error, OSError) and is_ours(error):
            return no_room(error)
        self.log.exception("Session %s failed", session.id)
        return VNCError(_FAILED)

    def _told(self, session: Session, error: VNCError) -> tuple[CloseCode, str]:
        # Of many at once who meet a limit, the first is named. Who was not admitted is in no other line.
        limited = isinstance(error, LimitExceeded)
        if (more := self._refusals.due(str(error)) if limited else "") is not None:
            line = "Session %s of %s, target %s: %s%s"
            self.log.info(line, session.id, session.user.name, session.about, error.log_line, more)
        return error.close_code, str(error)

    async def _join(self, session: Session, viewer: Channel) -> Leg:
        """Bring both legs up, then relay; return which end closed first. The stack closes what was opened."""
        handshake = ViewerHandshake()
        async with AsyncExitStack() as stack:
            leg = await tasks.beside(self._attend(handshake, viewer), self._reach_target(session, stack))
            session.bytes_out += len(leg.early)
            handshake.accept(leg.early)
            await self._converse(handshake, viewer, paused=lambda: False)
            return await self._relay(session, viewer, leg, handshake.leftover())

    async def _ending(self, session: Session, first: Leg) -> str:
        """Return the reason why a session ended without an error of the relay.

        Raises:
            TargetUnreachable: the desktop crashed, so that a viewer that reconnects starts it again.
        """
        why = await self._kinds.of(session.target).ending(session) if first is Leg.TARGET else ""
        return why or _ENDINGS[first]

    async def _attend(self, handshake: ViewerHandshake, viewer: Channel) -> None:
        """Greet a viewer and keep reading: a viewer that leaves must not keep a place in the queue for a target.

        Raises:
            VNCError: it left, or it broke the protocol.
        """
        await self._converse(handshake, viewer, paused=lambda: handshake.waiting)
        await converse(handshake, viewer, paused=lambda: False)

    async def _converse(self, handshake: ViewerHandshake, viewer: Channel, *, paused: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(self._limits.handshake_timeout):
                await converse(handshake, viewer, paused=paused)
        except TimeoutError:
            raise Stalled("The viewer did not finish its greeting in time.") from None

    async def _reach_target(self, session: Session, stack: AsyncExitStack) -> TargetLeg:
        """Start the desktop if it is a managed one, connect, log in, and read its ServerInit.

        The leg is put on the stack here and not by the caller, because the viewer may fail in between.
        """
        access = self._kinds.of(session.target)
        leg = await access.connect(session)
        stack.push_async_callback(leg.channel.close)
        access.attach(session)
        stack.callback(access.detach, session)
        try:
            await _begin(leg, self._handshake_timeout(session))
        except TargetError as error:
            self._failed(session, error)
            raise
        return leg

    def _handshake_timeout(self, session: Session) -> float:
        return session.target.limits.handshake_timeout or self._limits.handshake_timeout

    async def _relay(self, session: Session, viewer: Channel, leg: TargetLeg, early: bytes) -> Leg:
        access = self._kinds.of(session.target)
        permissions = permissions_of(session.target, power=access.power(session.target))
        picture, may_resize = FirstPicture(), self._registry.resizing_by(session)
        video = access.has_video(session.target, session.owner)
        watch = Watch(session, permissions, self._activity, access.touch, picture, may_resize, narrows=video)
        session.narrow = watch.narrow
        stall = session.target.limits.stall_timeout or self._limits.stall_timeout
        from_viewer = Copier(viewer, leg.channel, watch.from_viewer, stall_timeout=stall, early=early)
        from_target = pump_to_viewer(
            leg.channel,
            viewer,
            count=watch.from_target,
            look=picture.from_target,
            stall_timeout=stall,
            pipes=self._pipes,
            scheduler=self._scheduler,
            session_id=session.id,
        )
        with HeldInput(session, watch, leg.channel):
            first = await tasks.beside(self._judge(session, picture), Relay(from_viewer, from_target).run())
        if first is Leg.TARGET and not picture.came:
            error = TargetUnreachable("The desktop closed the connection before it sent a picture.")
            if self._failed(session, error, counted=picture.missed):
                raise error
        return first

    async def _judge(self, session: Session, picture: FirstPicture) -> None:
        """Tell the kind of the target whether there is a picture.

        Raises:
            TargetUnreachable: there is none, and the viewer has to come again.
        """
        access = self._kinds.of(session.target)
        try:
            await picture.wait(self._handshake_timeout(session))
        except TargetUnreachable as error:
            if self._failed(session, error):
                raise
            await picture.wait(None)  # the session goes on, and one may come
        else:
            session.pictured = True
            access.succeeded(session)
        self._audit.seated(session)
        self._notes.seated(session)

    def _failed(self, session: Session, error: TargetError, *, counted: bool = False) -> bool:
        """Note that a target was reached and gives no picture; see :meth:`.TargetAccess.failed`."""
        if not counted:
            self._audit.metrics.target_failed(error)
        return self._kinds.of(session.target).failed(session, error)


async def _begin(leg: TargetLeg, limit: float) -> None:
    """Exchange ClientInit and ServerInit with the desktop ahead of the viewer, and keep the answer for the viewer.

    A desktop that closes instead sends nothing; the relay detects it.

    Args:
        leg: just logged in.
        limit: seconds that the whole answer may take, where the login has set no deadline for the whole handshake.

    Raises:
        TargetUnreachable: it did not answer in time, or it is gone.
        TargetProtocolError: its answer is out of range.
    """
    # Never the viewer's own: an exclusive ClientInit would disconnect everybody else.
    await _send(leg, client_init(shared=True))
    answer = ServerInit()
    answer.receive_data(leg.early)
    leg.early = b""
    deadline = leg.deadline or asyncio.get_running_loop().time() + limit
    try:
        async with asyncio.timeout_at(deadline):
            await converse(answer, leg.channel, paused=lambda: False)
    except TimeoutError:
        raise TargetUnreachable("The desktop did not finish its greeting in time.") from None
    except TargetUnreachable:
        return  # it closed; the desktop's manager knows why
    leg.early = answer.server_init + answer.leftover()


async def _send(leg: TargetLeg, data: bytes) -> None:
    try:
        await leg.channel.write(data)
    except ConnectionError as error:
        raise TargetUnreachable("The desktop closed the connection.", detail=str(error)) from None
