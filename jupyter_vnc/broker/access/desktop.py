"""Managed desktops: started on demand, their viewers counted, and their end explained."""

from __future__ import annotations

from collections.abc import Callable

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import TargetLeg
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.sound.sound import Link
from jupyter_vnc.exceptions import TargetError, TargetNotFound, TargetUnreachable
from jupyter_vnc.model.addresses import DesktopAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import State, Target
from jupyter_vnc.model.users import User

from .base import Connect, TargetAccess, Trial


class DesktopAccess(TargetAccess[DesktopAddress]):
    """Access to the desktops that this server starts itself."""

    def __init__(
        self, desktops: DesktopManager, connect: Connect, failed: Callable[[TargetError], None] = lambda error: None
    ) -> None:
        self._failed = failed
        self._desktops = desktops
        self._connect = connect

    def state(self, target: Target, owner: User) -> State:
        """See :meth:`TargetAccess.state`: what the manager knows."""
        state = self._desktops.state(owner.name, target.name)
        return State.FAILED if state is State.DOWN else state

    async def connect(self, session: Session) -> TargetLeg:
        """See :meth:`TargetAccess.connect`: start the desktop if it does not run, unless somebody only looks in.

        Raises:
            TargetNotFound: it does not run, and nobody starts it by looking.
            DesktopFailed: it did not start.
            LimitExceeded: its owner has the maximum number of running desktops.
        """
        target = session.target
        if session.look_in and self._desktops.state(session.owner.name, target.name) is not State.UP:
            raise TargetNotFound("This desktop does not run any more.")
        try:
            address = await self._desktops.ensure(session.owner.name, target.name, self._address(target).spec)
        except TargetError as error:
            self._failed(error)
            raise
        return await self._connect(target, address)

    def attach(self, session: Session) -> None:
        """See :meth:`TargetAccess.attach`: count a viewer; a desktop that is only looked at is idle all the same."""
        if not session.look_in:
            self._desktops.attach(session.owner.name, session.target.name)

    def detach(self, session: Session) -> None:
        """See :meth:`TargetAccess.detach`: count one viewer less."""
        if not session.look_in:
            self._desktops.detach(session.owner.name, session.target.name)

    def touch(self, session: Session) -> None:
        """See :meth:`TargetAccess.touch`."""
        self._desktops.touch(session.owner.name, session.target.name)

    async def ending(self, session: Session) -> str:
        """See :meth:`TargetAccess.ending`."""
        state, why = await self._desktops.ending(session.owner.name, session.target.name)
        if state is State.DOWN:
            raise TargetUnreachable(why)
        return why if state is State.STOPPED else ""  # otherwise it may be restarting

    def power(self, target: Target) -> bool:
        """See :meth:`TargetAccess.power`.

        A managed desktop has no machine of its own to switch off: the X servers that we start know nothing of xvp, so
        there is nothing to keep from anybody.
        """
        return True

    def has_sound(self, target: Target, owner: User) -> bool:
        """See :meth:`TargetAccess.has_sound`."""
        return self._desktops.has_sound(owner.name, target.name, self._address(target).spec)

    async def listen(self, target: Target, owner: User) -> Link:
        """See :meth:`TargetAccess.listen`."""
        return await self._desktops.listen(owner.name, target.name)

    def has_video(self, target: Target, owner: User) -> bool:
        """See :meth:`TargetAccess.has_video`."""
        return self._desktops.has_video(self._address(target).spec)

    async def watch(self, target: Target, owner: User) -> Link:
        """See :meth:`TargetAccess.watch`."""
        return await self._desktops.watch(owner.name, target.name)

    def trials(self, target: Target, user: User, connector: Connector) -> list[Trial]:
        """See :meth:`TargetAccess.trials`: nothing is started for that."""

        async def leave_it() -> str:
            return "managed desktop, starts when somebody opens it"

        return [("", leave_it)]
