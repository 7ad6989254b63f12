"""Sessions on a pool's machines: waiting for a turn, moving on from a machine that fails, giving one back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from logging import Logger, LoggerAdapter
from typing import Any, ClassVar, Final

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import TargetLeg
from jupyter_vnc.exceptions import MachineMoved, SessionEnded, TargetError, TargetNotFound
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine
from jupyter_vnc.model.causes import Cause
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import State, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.system.logs import one_line

from .base import Connect, PoolFigures, TargetAccess, Trial, log_in

#: Interval of the notes that tell a waiting viewer its place (seconds); they also detect that it has left.
TELL_EVERY: Final = 2.0
#: Pools of which there are figures, those that were seen last: each is a dozen series in whatever keeps metrics.
MAX_FIGURES: Final = 500


class PoolAccess(TargetAccess[PoolAddress]):
    """Access to targets that are many machines, of which each user gets one.

    A session's own target is never asked for machines: it is as old as its token.
    """

    may_change: ClassVar[bool] = True

    def __init__(
        self,
        pools: PoolManager,
        connect: Connect,
        registry: SessionRegistry,
        log: Logger | LoggerAdapter[Any],
        *,
        waited: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._waited = waited
        #: The names of the pools that the sources have, as far as anybody has looked; the one seen last is at the end.
        self._names: dict[str, None] = {}
        self._pools = pools
        self._connect = connect
        self._registry = registry
        self._log = one_line(log)
        pools.on_release = self._released
        pools.on_move = self._moved
        pools.watched = self._watched
        pools.on_idle = self._warn

    def found(self, target: Target) -> None:
        """See :meth:`TargetAccess.found`: these are the machines that the pool has now."""
        self._names.pop(target.name, None)
        self._names[target.name] = None
        if len(self._names) > MAX_FIGURES:
            del self._names[next(iter(self._names))]
        known = self._pools.target(target.name)
        self._pools.configure(target)
        if known is not None and known.address != target.address:
            self._rename(target)

    def _rename(self, target: Target) -> None:
        """Give the sessions the names that their machines have now."""
        names = {machine.key: machine.name for machine in self._address(target).machines}
        for session in self._registry:
            if session.is_at(target.name) and session.machine:
                session.machine = names.get(session.machine_key, session.machine)

    def lost(self, name: str) -> None:
        """See :meth:`TargetAccess.lost`: nobody gets a machine of it."""
        self._names.pop(name, None)
        if self._pools.target(name) is not None:
            self._pools.withdraw(name)

    def figures(self) -> list[PoolFigures]:
        """See :meth:`TargetAccess.figures`."""
        return [self._figures(name) for name in sorted(self._names)]

    def _figures(self, name: str) -> PoolFigures:
        waiting = self._pools.waiting(name)
        since = [datetime.fromisoformat(row["since"]) for row in waiting]
        longest = (datetime.now(UTC) - min(since)).total_seconds() if since else 0.0
        states = Counter(row["state"] for row in self._pools.rows(name))
        return PoolFigures(name, states, len(waiting), max(0.0, longest))

    def state(self, target: Target, owner: User) -> State:
        """See :meth:`TargetAccess.state`: whether there is a machine for a user, their own or a free one."""
        summary = self.summary(target, owner)
        if summary["machine"] or summary["free"]:
            return State.UP
        if self._pools.all_in_maintenance(target.name):
            return State.MAINTENANCE
        unusable = {row["state"] for row in self.machines(target)} <= {"aside", "maintenance"}
        return State.DOWN if unusable else State.BUSY

    def summary(self, target: Target, owner: User) -> dict[str, Any]:
        """See :meth:`TargetAccess.summary`."""
        return self._pools.summary(owner.name, target.name)

    def machines(self, target: Target) -> list[dict[str, Any]]:
        """See :meth:`TargetAccess.machines`."""
        return self._pools.rows(target.name)

    def waiting(self, target: Target) -> list[dict[str, Any]]:
        """See :meth:`TargetAccess.waiting`."""
        return self._pools.waiting(target.name)

    def trials(self, target: Target, user: User, connector: Connector) -> list[Trial]:
        """See :meth:`TargetAccess.trials`: each machine."""
        return [
            (f"/{one.name}", partial(_try, target.on_machine(one), one, user, connector))
            for one in self._address(target).machines
        ]

    async def connect(self, session: Session) -> TargetLeg:
        """Wait for the owner's turn, and connect to their machine; if that fails, to the next one that they get.

        Raises:
            TargetError: their machine does not answer; they keep it, because their work may be on it.
            TargetNotFound: the visitor is not the owner, and the owner has no machine.
            SessionEnded: it was taken from them meanwhile.
        """
        owner, name = session.owner.name, session.target.name
        while True:
            session.machine_key = ""
            machine = await self._machine(session)
            session.machine_key = machine.key
            target = self._pools.target(name) or session.target
            try:
                leg = await self._connect(target.on_machine(machine), machine.address)
            except TargetError as error:
                self._log.warning("Pool %s: machine %s failed: %s", name, machine.name, error.log_line)
                # An instructor who looks in must not cost the owner their machine.
                if not _is_owners(session) or self._pools.failed(owner, name, machine) == machine:
                    raise
            else:
                if await self._sit_down(session, machine, leg):
                    return leg

    async def _sit_down(self, session: Session, machine: PoolMachine, leg: TargetLeg) -> bool:
        """Note that a session is on a machine, if it is still its owner's: the login took its time.

        Returns:
            Whether it is; False if its owner gets another one.

        Raises:
            SessionEnded: it was taken back.
        """
        owner, name = session.owner.name, session.target.name
        if self._pools.machine_of(owner, name) != machine:
            await leg.channel.close()
            has = self._pools.summary(owner, name)
            if has["machine"] or has["place"]:
                return False
            raise SessionEnded("The machine was taken back meanwhile.")
        self._pools.arrived(owner, name)
        session.machine = machine.name
        self._log.info("Session %s is on machine %s of %s", session.id, machine.name, name)
        return True

    async def _machine(self, session: Session) -> PoolMachine:
        owner, name = session.owner.name, session.target.name
        if _is_owners(session):
            return await self._wait(session)
        if (machine := self._pools.machine_of(owner, name)) is None:
            raise TargetNotFound(f"{owner} has no machine at present.")
        return machine

    async def _wait(self, session: Session) -> PoolMachine:
        """Wait for a turn, and tell the viewer its place meanwhile."""
        owner, name = session.owner.name, session.target.name
        has = self._pools.machine_of(owner, name) is not None
        begun = time.monotonic()
        turn = asyncio.create_task(self._pools.lease(owner, name))
        pause = 0.05
        try:
            while not (await asyncio.wait({turn}, timeout=pause))[0]:
                told = self._pools.summary(owner, name)
                if told["place"]:  # else the machine is theirs, and is being saved
                    session.note("place", **told)
                pause = TELL_EVERY
            machine = turn.result()
            if not has:
                self._waited(time.monotonic() - begun)
            return machine
        finally:
            turn.cancel()

    def succeeded(self, session: Session) -> None:
        """See :meth:`TargetAccess.succeeded`: only now is a machine one that works, and its user's."""
        session.pictured = True
        if _is_owners(session) and (machine := self._own(session)) is not None:
            self._pools.succeeded(session.owner.name, session.target.name, machine)

    def failed(self, session: Session, error: TargetError) -> bool:
        """See :meth:`TargetAccess.failed`: the machine is one that refuses; an instructor decides nothing."""
        if not _is_owners(session) or (machine := self._own(session)) is None:
            return False
        self._log.warning("Pool %s: machine %s failed: %s", session.target.name, machine.name, error.log_line)
        self._pools.failed(session.owner.name, session.target.name, machine)
        return True

    def _own(self, session: Session) -> PoolMachine | None:
        """Return the machine of a session, if it is still its owner's."""
        machine = self._pools.machine_of(session.owner.name, session.target.name)
        return machine if machine is not None and machine.key == session.machine_key else None

    def touch(self, session: Session) -> None:
        """Note input of the owner who sees a picture; an instructor does not renew the lease."""
        if _is_owners(session) and session.pictured:
            self._pools.touch(session.owner.name, session.target.name)

    def keep(self, target: Target, owner: User) -> None:
        """See :meth:`TargetAccess.keep`: as good as input.

        Raises:
            TargetNotFound: they have no machine.
        """
        if not self._pools.touch(owner.name, target.name):
            raise TargetNotFound("There is no machine to keep.")

    def _watched(self, target_name: str) -> set[str]:
        """Return who looks at a machine of their own."""
        return {one.owner.name for one in self._registry if one.is_at(target_name) and _is_watching(one)}

    def _warn(self, user: str, target_name: str, seconds: float) -> None:
        """Tell a user that their machine is about to be taken back, or is not."""
        for one in self._registry:
            if one.is_at(target_name) and one.owner.name == user and _is_watching(one):
                one.note("idle", seconds=seconds)

    def release(self, target: Target, owner: User, why: Cause) -> None:
        """Take a user's machine back, or their place in the queue.

        Raises:
            TargetNotFound: they have neither.
        """
        has = self.summary(target, owner)
        if not (has["machine"] or has["place"]):
            raise TargetNotFound("There is no machine to give back.")
        # Before the pool is asked, because a session's first reason stays, and the pool has one sentence for all.
        for session in self._sessions(owner.name, target.name, self._registry.everybody()):
            session.end(why.told_to(session.user))
        self._pools.release(owner.name, target.name, str(why.told_to(owner)))

    def _released(self, user: str, target_name: str, why: str) -> None:
        """End a user's sessions when their lease is over: somebody else will get the machine."""
        for session in self._sessions(user, target_name, self._registry):
            if session.machine_key:
                session.end(SessionEnded(why))

    def _moved(self, user: str, target_name: str, why: str) -> None:
        """End a user's sessions on a machine that they have lost; their viewers reconnect, to the next one."""
        for session in self._sessions(user, target_name, self._registry):
            if not session.machine:
                continue  # it waits, or logs in: it goes on to the next machine itself
            whose = "Your machine" if _is_owners(session) else f"The machine of {user}"
            session.end(MachineMoved(f"{whose} {why}."))

    def _sessions(self, owner: str, target_name: str, among: Iterable[Session]) -> list[Session]:
        """The sessions on a user's machine, and those that wait for one. Each process ends its own for the pool."""
        return [one for one in among if one.is_at(target_name) and one.owner.name == owner]


async def _try(target: Target, machine: PoolMachine, user: User, connector: Connector) -> str:
    return await log_in(target, machine.address.for_user(user.name), connector)


def _is_owners(session: Session) -> bool:
    """Whether a session is of the user who has the machine, and not of an instructor."""
    return session.user.name == session.owner.name


def _is_watching(session: Session) -> bool:
    """Whether the user who has the machine has it on the screen."""
    return _is_owners(session) and bool(session.machine) and session.error is None
