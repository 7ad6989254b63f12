"""The pool manager: the leases of all pools, and the users who wait for their turn.

The rules are in :mod:`.pool`, what keeps the leases is in :mod:`.keeping`; here are the tasks that wait, and the
clock. A lease is saved before it is returned; what cannot be saved is not given out.

Only the catalogue calls :meth:`PoolManager.configure`, which says what machines a pool has now. All others ask by the
target's name: a session has the target as it was when its token was issued, and would bring back old machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from traitlets import Unicode

from jupyter_vnc.exceptions import ConfigError, ServerStopping, SessionEnded, StoreUnavailable
from jupyter_vnc.model.addresses import PoolMachine
from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.targets import Target
from jupyter_vnc.tasks import Bell
from jupyter_vnc.throttling import Clock

from .calls import Calls
from .hooks import PoolHooks
from .keeping import Keeping
from .lease import steady_clock
from .lease_keeper import Adopt, FileLeases, LeaseKeeper, State
from .pool import Pool
from .presence import Present
from .table import PoolTable

#: Interval of the checks for expired leases and machines to try again, and the shortest one (seconds).
ROUND: Final = 1.0
REST: Final = 0.1

_MOVED: Final = "failed several times"
_GONE: Final = "is no longer there"
_RELEASED: Final = "The machine was given back."


class PoolManager(PoolHooks):
    """Gives machines of pools to users, one each, and takes them back."""

    state_file = Unicode(
        help="""The file that keeps the leases and queues of pools across a restart: an absolute path in a folder that
        only the service may change. Default: empty, nothing is kept. The hub service keeps them in its database; it
        takes over what such a file has once, by default of ``jupyter-vnc-leases.json``, and renames it.
        """,
    ).tag(config=True)

    def __init__(self, *, clock: Clock | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._clock = clock or steady_clock()
        #: Machines that are in maintenance are given to nobody new.
        self.maintenance = Maintenance()
        self._pools = PoolTable(self._clock, self.maintenance)
        self._calls = Calls()
        file = Path(self.state_file) if self.state_file else None
        self._keeping = Keeping(FileLeases(file, self.log, self._pools.to_json), self.log, loaded=file is None)
        self._rounds: asyncio.Task[None] | None = None
        #: Rung when another process may have changed the leases.
        self.bell = Bell(REST)
        self._closed = False

    # -- begin and end --------------------------------------------------------------------------------------------

    def keep_with(
        self, make: Callable[[State, Adopt], LeaseKeeper], before: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Keep the leases elsewhere than in the state file; called before :meth:`start`.

        Args:
            make: gets what returns the current state, and what takes over that of another process.
            before: finds out what else has to be known before the first machine is given out. While it raises
                ``StoreUnavailable``, none is.
        """
        self._keeping.use(keeper := make(self._pools.to_json, self._adopt), before)
        keeper.here, keeper.meet = self._present, self._pools.meet

    async def start(self) -> None:
        """Load the leases of the last run, and start the rounds. A database that does not answer is tried again.

        Raises:
            ConfigError: the leases cannot be read or written, or another service uses them.
        """
        with suppress(StoreUnavailable):
            await self._open()
        self._rounds = asyncio.create_task(self._go_rounds(), name="vnc-pool-rounds")

    async def _open(self) -> None:
        await self._keeping.load(self._pools.load)
        for target in self._pools.targets():
            self.configure(target)

    async def close(self) -> None:
        """Stop: notify those who wait, and save the last changes."""
        self._closed = True
        self._calls.wake()
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.wait([self._rounds])
        await self._keeping.close()

    # -- machines -------------------------------------------------------------------------------------------------

    def configure(self, target: Target) -> None:
        """Take over the machines and times that a pool has now, and give new machines to those who wait.

        Users whose machine is gone become the first in the queue.
        """
        name = target.name
        for lease in self._pools.configure(target):
            self.log.warning("Target %s: %s had machine %s, which is gone", name, lease.user, lease.name)
            if self._calls[lease.user, name]:
                self._pools.of(name).request(lease.user)
            self._tell(self.on_move, lease.user, name, _GONE)
        self._note()

    def withdraw(self, name: str) -> None:
        """Note that the sources have no such pool at present: nobody gets a machine of it until it is configured again.

        Its leases and places stay: a file that is replaced is missing for a moment.
        """
        self._pools.withdraw(name)

    def target(self, name: str) -> Target | None:
        """Return the target of a pool as the catalogue found it last."""
        return self._pools.target(name)

    # -- leases ---------------------------------------------------------------------------------------------------

    async def lease(self, user: str, name: str) -> PoolMachine:
        """Return the machine that a user has or gets; wait for it if all are taken.

        Several calls for a user share one lease and one place, which is kept for some time when the last is cancelled.

        Raises:
            SessionEnded: the user was removed from the queue.
            StoreUnavailable: the lease cannot be saved, or the state file is not loaded yet.
            ServerStopping: the manager is closed.
        """
        await self._keeping.known()
        pool = self._pools.of(name)
        try:
            with self._calls.of(user, name):
                self._check_running()
                pool.request(user)
                self._note()
                while True:
                    machine = await self._turn(user, pool)
                    await self._keeping.keeper.save()
                    if pool.machine_of(user) == machine:
                        return machine
        finally:
            if not self._calls[user, name]:
                pool.absent(user)

    async def _turn(self, user: str, pool: Pool) -> PoolMachine:
        while (machine := pool.machine_of(user)) is None:
            news = self._calls.news
            if not pool.place(user):
                raise SessionEnded(_RELEASED)
            await news.wait()
            self._check_running()
        return machine

    def release(self, user: str, target_name: str, reason: str = _RELEASED) -> bool:
        """Take back a user's machine or place in the queue; return whether they had one. Sessions get the reason."""
        pool = self._pools.find(target_name)
        if pool is None or not pool.release(user):
            return False
        self._note()
        self._tell(self.on_release, user, target_name, reason)
        return True

    def failed(self, user: str, name: str, machine: PoolMachine) -> PoolMachine | None:
        """Note that a machine could not be used; return the one that the user has now, None if they have to wait.

        ``on_move`` is called if they had worked on it, because other sessions of theirs may be there.
        """
        pool = self._pools.of(name)
        lost = pool.failed(user, machine)
        if self._calls[user, name]:
            pool.request(user)
        self._note()
        if lost is not None:
            self.log.warning("Target %s: machine %s failed, its user %s is moved", name, machine.name, user)
            self._tell(self.on_move, user, name, _MOVED)
        return pool.machine_of(user)

    def arrived(self, user: str, name: str) -> None:
        """Note that a user has logged in to their machine; nobody knows yet whether it works."""
        self._pools.of(name).arrived(user)
        self._keeping.keeper.change_later(self._clock())

    def succeeded(self, user: str, name: str, machine: PoolMachine) -> None:
        """Note that a user sees a machine's desktop."""
        self._pools.of(name).succeeded(user, machine)
        self._keeping.keeper.change_later(self._clock())
        self._note()

    def touch(self, user: str, name: str) -> bool:
        """Note input of a user on their machine; called for every key, so nothing is saved now.

        Returns:
            Whether they have one.
        """
        has = self._pools.of(name).touch(user)
        if has:
            self._keeping.keeper.change_later(self._clock())
        return has

    def summary(self, user: str, name: str) -> dict[str, Any]:
        """The state of a user and of the pool: ``machine`` or ``place``; ``waiting``, ``size``, ``free``, ``aside``."""
        return self._pools.of(name).summary(user)

    def all_in_maintenance(self, name: str) -> bool:
        """Whether every machine of a pool is in maintenance: nobody new gets one, however long they wait."""
        return self._pools.of(name).all_in_maintenance()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """List the machines of a pool and who has them, without addresses."""
        return self._pools.of(name).rows()

    def waiting(self, name: str) -> list[dict[str, Any]]:
        """List the users who wait for a machine of a pool."""
        return self._pools.of(name).waiting()

    def machine_of(self, user: str, name: str) -> PoolMachine | None:
        """Return the machine that a user has; they are not given one."""
        return self._pools.of(name).machine_of(user)

    def _check_running(self) -> None:
        if self._closed:
            raise ServerStopping

    # -- rounds ---------------------------------------------------------------------------------------------------

    async def _go_rounds(self) -> None:
        while True:
            await self.bell.wait(ROUND)
            try:
                await self._go_round()
            except Exception:
                self.log.exception("Leases could not be checked; trying again")

    async def _go_round(self) -> None:
        try:
            await (self._keeping.keeper.refresh() if self._keeping.is_loaded else self._open())
        except StoreUnavailable:
            pass  # the database says so itself
        except ConfigError as error:
            self._keeping.complain(str(error))
        self.sweep()

    def sweep(self) -> None:
        """Take back what has expired, and give free machines to those who wait; called every second."""
        for name, pool in self._pools.items():
            watched, elsewhere = self.watched(name), self._pools.elsewhere.watching(name)
            if pool.watch(watched):
                self._keeping.keeper.change_later(self._clock())
            for user, seconds in pool.warnings(watched, elsewhere):
                self.on_idle(user, name, seconds)
            for user, reason in pool.expired(watched, elsewhere):
                self.log.info("Target %s: the lease of %s is over: %s", name, user, reason)
                self.release(user, name, reason)
            pool.deal()
        self._keeping.keeper.change_due(self._clock())
        self._note()

    def _note(self) -> None:
        """Wake the waiting calls if something has changed, and have it saved."""
        if not self._keeping.is_loaded:
            return
        if self._pools.have_changed():
            self._keeping.keeper.change()
            self._calls.wake()
        self._keeping.keeper.save_soon()

    def _present(self) -> Present:
        """Return who is at this process."""
        watches = {(name, user) for name, _ in self._pools.items() for user in self.watched(name)}
        return Present(frozenset((name, user) for user, name in self._calls.users()), frozenset(watches))

    def _adopt(self, base: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
        """Take over what another process has saved, and notify those who have lost a machine by it.

        See :meth:`.PoolTable.adopt`.
        """
        for name, user, has_another in self._pools.adopt(base, theirs, self._calls.users()):
            if has_another:
                self._tell(self.on_move, user, name, _GONE)
            else:
                self._tell(self.on_release, user, name, _RELEASED)
        self._note()
