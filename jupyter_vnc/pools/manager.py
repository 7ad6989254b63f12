"""The pool manager: the leases of all pools, kept in a file, and the users who wait for their turn.

The rules are in :mod:`~jupyter_vnc.pools.pool`; here are the tasks that wait, the clock, and the file. A lease is saved
before it is returned; what cannot be saved is not given out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from traitlets import Unicode

from jupyter_vnc.exceptions import ConfigError, ServerStopping, SessionEnded, StoreUnavailable
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine
from jupyter_vnc.model.targets import Target
from jupyter_vnc.system.logs import Configurable
from jupyter_vnc.throttling import Clock

from . import state_file as lease_file
from .lease import steady_clock
from .pool import Pool

#: Interval of the checks for expired leases and machines to try again (seconds).
ROUND: Final = 1.0
#: Timeout for saving the last changes when the service stops (seconds).
LAST_WRITE: Final = 5.0
#: Timeout for loading the state file at the start (seconds).
READ: Final = 10.0
#: Interval at which the users' last input is saved (seconds).
TOUCHES: Final = 30.0

_MOVED: Final = "The machine failed several times, so you get another one."
_GONE: Final = "This machine is no longer there, so you get another one."
_RELEASED: Final = "The machine was given back."


class PoolManager(Configurable):
    """Gives machines of pools to users, one each, and takes them back."""

    state_file = Unicode(
        help="""The file that keeps the leases and queues of pools across a restart: an absolute path in a folder that
        only the service may change. Default: empty, nothing is kept (the hub service sets one).
        """,
    ).tag(config=True)

    def __init__(self, *, clock: Clock | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._clock = clock or steady_clock()
        self._pools: dict[str, Pool] = {}
        #: The number of waiting calls for each user of each target.
        self._calls: Counter[tuple[str, str]] = Counter()
        self._news = asyncio.Event()
        self._seen: dict[str, int] = {}
        self._version = self._written = 0
        self._writing: asyncio.Task[None] | None = None
        self._trouble = ""
        self._touched: float | None = None
        self._rounds: asyncio.Task[None] | None = None
        self._closed = False
        #: Set once the state file is loaded. Until then no lease is given out and nothing is saved.
        self._ready = asyncio.Event()
        if not self.state_file:
            self._ready.set()
        #: Called with user, target's name and a sentence when a user's machine is taken back.
        self.on_release: Callable[[str, str, str], None] = lambda user, target_name, reason: None

    # -- begin and end --------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the leases of the last run, and start the rounds.

        Raises:
            ConfigError: the state file cannot be read or written.
        """
        if self.state_file:
            try:
                await asyncio.to_thread(self._load, Path(self.state_file))
            except OSError as error:
                sentence = f"{self.state_file}: {error.strerror or error}; leases cannot be kept there"
                raise ConfigError(sentence, key="PoolManager.state_file") from None
            self._ready.set()
        self._rounds = asyncio.create_task(self._go_rounds(), name="vnc-pool-rounds")

    def _load(self, path: Path) -> None:
        """Load the file, and save it at once: a file that cannot be written is detected before the first lease."""
        try:
            self._pools = {name: Pool.from_json(raw, self._clock) for name, raw in lease_file.read(path).items()}
        except ValueError as error:
            kept = lease_file.set_apart(path)
            said = f"{path} is broken: {error}. It is kept as {kept.name}, and all leases are lost."
            self.log.error("PoolManager.state_file: %s", said)  # noqa: TRY400 - the sentence says it all
        self._seen = {name: pool.version for name, pool in self._pools.items()}
        lease_file.write(path, self._encode())

    async def close(self) -> None:
        """Stop: notify those who wait, and save the last changes."""
        self._closed = True
        self._news.set()
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.wait([self._rounds])
        if not self._ready.is_set():
            return
        self._version += self._touched is not None
        try:
            async with asyncio.timeout(LAST_WRITE):
                await self._save()
        except (StoreUnavailable, TimeoutError):
            self.log.warning("The last changes to the leases were not saved to %s", self.state_file)

    # -- leases ---------------------------------------------------------------------------------------------------

    async def lease(self, user: str, target: Target) -> PoolMachine:
        """Return the machine that a user has or gets; wait for it if all are taken.

        Several calls for a user share one lease and one place, which is kept for some time when the last is cancelled.

        Raises:
            SessionEnded: the user was removed from the queue.
            StoreUnavailable: the lease cannot be saved, or the state file is not loaded yet.
            ServerStopping: the manager is closed.
        """
        await self._known()
        pool = self._pool(target)
        call = (user, target.name)
        self._calls[call] += 1
        try:
            self._check_running()
            pool.request(user)
            self._note()
            while True:
                machine = await self._turn(user, pool)
                await self._save()
                if pool.machine_of(user) == machine:
                    return machine
        finally:
            self._calls[call] -= 1
            if not self._calls[call]:
                del self._calls[call]
                pool.absent(user)

    async def _known(self) -> None:
        """Wait until the file is read; without it, no machines are given out."""
        try:
            async with asyncio.timeout(READ):
                await self._ready.wait()
        except TimeoutError:
            raise StoreUnavailable("The leases have not been loaded yet. Try again in a moment.") from None

    async def _turn(self, user: str, pool: Pool) -> PoolMachine:
        while (machine := pool.machine_of(user)) is None:
            news = self._news
            if not pool.place(user):
                raise SessionEnded(_RELEASED)
            await news.wait()
            self._check_running()
        return machine

    def release(self, user: str, target_name: str, reason: str = _RELEASED) -> bool:
        """Take back a user's machine or place in the queue; return whether they had one. Sessions get the reason."""
        pool = self._pools.get(target_name)
        if pool is None or not pool.release(user):
            return False
        self._note()
        self._tell(user, target_name, reason)
        return True

    def _tell(self, user: str, target_name: str, reason: str) -> None:
        """Call ``on_release``; its errors are logged and do not disturb the pools."""
        try:
            self.on_release(user, target_name, reason)
        except Exception:
            self.log.exception(
                "Target %s: the sessions of %s were not notified that their machine is gone", target_name, user
            )

    def failed(self, user: str, target: Target, machine: PoolMachine) -> PoolMachine | None:
        """Note that a machine could not be used; return the one that the user has now, None if they have to wait.

        ``on_release`` is called if they had worked on it, because other sessions of theirs may be there.
        """
        pool = self._pool(target)
        lost = pool.failed(user, machine)
        if self._calls[user, target.name]:
            pool.request(user)
        self._note()
        if lost is not None:
            self.log.warning("Target %s: machine %s failed, its user %s is moved", target.name, machine.name, user)
            self._tell(user, target.name, _MOVED)
        return pool.machine_of(user)

    def succeeded(self, user: str, target: Target, machine: PoolMachine) -> None:
        """Note that a user has connected to a machine."""
        self._pool(target).succeeded(user, machine)
        self._note()

    def touch(self, user: str, target_name: str) -> None:
        """Note input of a user on their machine; called for every key, so nothing is saved now."""
        pool = self._pools.get(target_name)
        if pool is not None and pool.touch(user) and self._touched is None:
            self._touched = self._clock()

    def summary(self, user: str, target: Target) -> dict[str, Any]:
        """The state of a user and of the pool: ``machine`` or ``place``; ``waiting``, ``size``, ``free``, ``aside``."""
        return self._pool(target).summary(user)

    def rows(self, target: Target) -> list[dict[str, Any]]:
        """List the machines of a pool and who has them, without addresses."""
        return self._pool(target).rows()

    def waiting(self, target: Target) -> list[dict[str, Any]]:
        """List the users who wait for a machine of a pool."""
        return self._pool(target).waiting()

    def machine_of(self, user: str, target: Target) -> PoolMachine | None:
        """Return the machine that a user has; they are not given one."""
        return self._pool(target).machine_of(user)

    def _pool(self, target: Target) -> Pool:
        """Return the pool of a target, with the machines that it has now."""
        address = cast("PoolAddress", target.address)  # nobody asks for others
        pool = self._pools.setdefault(target.name, Pool(clock=self._clock))
        for lease in pool.configure(address):
            self.log.warning("Target %s: %s had machine %s, which is gone", target.name, lease.user, lease.name)
            self._tell(lease.user, target.name, _GONE)
        self._note()
        return pool

    def _check_running(self) -> None:
        if self._closed:
            raise ServerStopping

    # -- rounds ---------------------------------------------------------------------------------------------------

    async def _go_rounds(self) -> None:
        while True:
            await asyncio.sleep(ROUND)
            self.sweep()

    def sweep(self) -> None:
        """Take back what has expired, and give free machines to those who wait; called every second."""
        for name, pool in tuple(self._pools.items()):
            for user, reason in pool.expired():
                self.log.info("Target %s: the lease of %s is over: %s", name, user, reason)
                self.release(user, name, reason)
            pool.deal()
        if self._touched is not None and self._clock() - self._touched >= TOUCHES:
            self._touched = None
            self._version += 1
        self._note()

    def _note(self) -> None:
        """Wake the waiting calls if something has changed, and have it saved."""
        if not self._ready.is_set():
            return
        seen = {name: pool.version for name, pool in self._pools.items()}
        if seen != self._seen:
            self._seen = seen
            self._version += 1
            self._news.set()
            self._news = asyncio.Event()
        if self._written < self._version:
            self._write_soon()

    # -- the file -------------------------------------------------------------------------------------------------

    async def _save(self) -> None:
        """Wait until all changes are saved.

        Raises:
            StoreUnavailable: it cannot be written.
        """
        wanted = self._version
        while self._written < wanted:
            task = self._write_soon()
            await asyncio.wait([task])
            task.result()
            if self._trouble and self._written < wanted:
                raise StoreUnavailable("The lease could not be saved. Try again in a moment.")

    def _write_soon(self) -> asyncio.Task[None]:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="vnc-pool-state")
        return self._writing

    async def _write(self) -> None:
        """Save the current state; later changes wait for the next call."""
        version = self._version
        if self.state_file:
            try:
                await asyncio.to_thread(lease_file.write, Path(self.state_file), self._encode())
            except OSError as error:
                self._complain(f"{self.state_file} cannot be written: {error.strerror or error}")
                return
        self._trouble = ""
        self._written = version

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self.log.error("PoolManager.state_file: %s. No machine is given out until this is fixed.", trouble)
        self._trouble = trouble

    def _encode(self) -> bytes:
        pools: Mapping[str, Any] = {name: pool.to_json() for name, pool in self._pools.items()}
        return lease_file.encode(pools)
