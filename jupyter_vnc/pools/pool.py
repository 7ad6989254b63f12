"""The rules of a pool: leases, the queue, and the machines that are set aside.

A :class:`Pool` holds values and does no I/O. A user has one lease, and a machine one user. Users who find no machine
wait in a :class:`.Queue`. A free machine goes to the first user who is *present*: one of their calls waits for it at
this moment. Which machine that is, :class:`.Machines` says; when a lease is over is decided by :class:`.Expiry`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jupyter_vnc.model.addresses import PoolAddress, PoolMachine
from jupyter_vnc.throttling import Clock

from .expiry import Expiry
from .lease import GRACE, MAX_FAILURES, Kept, Lease
from .machines import Machines
from .queue import Queue


class Pool:
    """The leases, the queue and the machines set aside of one target.

    It may exist before its machines are known, as it was when the service stopped: see :meth:`configure`.
    """

    def __init__(self, address: PoolAddress | None = None, clock: Clock = time.time) -> None:
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._queue = Queue(clock)
        #: What is known of the machines themselves.
        self.machines = Machines(clock)
        self._lenient_until = 0.0
        #: Who had their machine on the screen when :meth:`watch` was called last.
        self._watching: frozenset[str] = frozenset()
        self._version = 0
        if address is not None:
            self.configure(address)

    @property
    def version(self) -> int:
        """Incremented with each change that has to be saved at once; input is not one."""
        return self._version + self._queue.version

    # -- machines -------------------------------------------------------------------------------------------------

    def configure(self, address: PoolAddress) -> list[Lease]:
        """Apply the machines and times of the configuration; return the leases whose machine is gone.

        Their users become the first in the queue, in the order in which they had come.
        """
        if not self.machines.configure(address):
            return []
        lost = [lease for lease in self._leases.values() if lease.key not in self.machines]
        for lease in lost:
            del self._leases[lease.user]
            self._version += 1
        self._queue.put_first((lease.user, lease.since) for lease in lost)
        for lease in self._leases.values():
            lease.name = self.machines[lease.key].name
        self.deal()
        return lost

    def withdraw(self) -> None:
        """Give no machine out until :meth:`configure` is called again; users keep theirs, and their places."""
        self.machines.withdraw()

    def _free(self) -> list[PoolMachine]:
        return self.machines.free(self._taken())

    def _taken(self) -> set[str]:
        return {lease.key for lease in self._leases.values()}

    def failed(self, user: str, machine: PoolMachine) -> Lease | None:
        """Note that a machine cannot be used; set it aside, and move its user.

        A user who has worked on it stays until it has failed :data:`MAX_FAILURES` times in a row. A user who is moved
        and finds no machine becomes the first in the queue.

        Returns:
            The lease, if its user had worked on the machine and lost it; None otherwise.
        """
        lease = self._leases.get(user)
        if lease is None or lease.key != machine.key:
            if all(other.key != machine.key for other in self._leases.values()):
                self._set_aside(machine.key)
            return None
        lease.failures += 1
        self._version += 1
        if lease.used and lease.failures < MAX_FAILURES:
            return None
        self._set_aside(machine.key)
        self._move(lease)
        return lease if lease.used else None

    def _move(self, lease: Lease) -> None:
        self._end(lease)
        if free := self._free():
            self._give(lease.user, free[0])
        else:
            self._queue.put_first([(lease.user, self._clock())])
        self.deal()

    def _set_aside(self, key: str) -> None:
        self._version += self.machines.set_aside(key)

    def arrived(self, user: str) -> None:
        """Note that a user has come for their machine, whether it works or not."""
        if (lease := self._leases.get(user)) is not None:
            lease.last_use = self._clock()

    def succeeded(self, user: str, machine: PoolMachine) -> None:
        """Note that the user sees a machine's desktop: it is healthy, and their work may be on it."""
        lease = self._leases.get(user)
        news = self.machines.troubles.pop(machine.key, None) is not None
        if lease is not None and lease.key == machine.key:
            news = news or bool(lease.failures) or not lease.used
            lease.failures, lease.used, lease.last_use = 0, True, self._clock()
        self._version += news

    def watch(self, watched: Collection[str]) -> bool:
        """Note who watches here, and spare those who did at the last call; return whether there are any."""
        gone, self._watching = self._watching.difference(watched), frozenset(watched)
        for user in gone:
            self.spare(user)
        return bool(gone)

    def spare(self, user: str) -> None:
        """Note that a user watches no longer: before they are idle they have time to come back, as after a reload."""
        if (lease := self._leases.get(user)) is not None:
            limit = self.machines.address.idle_timeout if lease.used else GRACE
            lease.last_use = max(lease.last_use, self._clock() - max(limit - GRACE, 0.0))

    # -- users ----------------------------------------------------------------------------------------------------

    def request(self, user: str) -> PoolMachine | None:
        """Return the machine that a user has or can have now; otherwise enqueue them as present and return None."""
        self._queue.forget_absent()
        if (lease := self._leases.get(user)) is None:
            self._queue.join(user)
        elif not lease.used:
            lease.last_use = self._clock()
        self.deal()
        return self.machine_of(user)

    def come(self, users: Collection[str]) -> None:
        """Note that users are present, of those who wait already; nothing is given out yet."""
        for user in users:
            if self.place(user):
                self._queue.join(user)

    def absent(self, user: str) -> None:
        """Note that no call waits for a user's turn any more."""
        self._queue.absent(user)

    def meet(self, elsewhere: Collection[str]) -> None:
        """Note who waits for a machine at other processes of the service."""
        self._queue.meet(elsewhere)

    @property
    def waits_elsewhere(self) -> Collection[str]:
        """The users who wait at other processes, as :meth:`meet` was told."""
        return self._queue.elsewhere

    def machine_of(self, user: str) -> PoolMachine | None:
        """Return the machine that a user has."""
        lease = self._leases.get(user)
        return self.machines.get(lease.key) if lease else None

    def place(self, user: str) -> int:
        """Return a user's place in the queue, from 1; 0 if they do not wait."""
        return self._queue.place(user)

    def touch(self, user: str) -> bool:
        """Note input of a user on their machine; return whether they have one."""
        if (lease := self._leases.get(user)) is None:
            return False
        lease.last_use = lease.last_input = self._clock()
        self._version += not lease.used
        lease.used = True
        return True

    def release(self, user: str) -> bool:
        """Take back a user's machine or place in the queue; return whether they had one."""
        waited = self._queue.leave(user)
        if (lease := self._leases.get(user)) is not None:
            self._end(lease)
            self.deal()
        return waited or lease is not None

    def deal(self) -> None:
        """Give free machines to those who are present, in the order of the queue."""
        self._queue.forget_absent()
        for user, machine in zip(self._queue.present(), self._free(), strict=False):
            self._queue.leave(user)
            self._give(user, machine)

    def warnings(self, watched: Collection[str], elsewhere: Collection[str] = ()) -> list[tuple[str, float]]:
        """List the users who have to be told that their idle machine is about to be taken back.

        See :meth:`.Expiry.warnings`.
        """
        return self._expiry(elsewhere).warnings(self._leases.values(), watched)

    def expired(self, watched: Collection[str] = (), elsewhere: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """Yield the users whose lease is over, each with a sentence for them; nothing is taken back here.

        Whether the next one's is over is decided after the caller has released the one before, which may be enough.
        See :meth:`.Expiry.over`.
        """
        if self.machines.configured:
            yield from self._expiry(elsewhere).over(self._leases.values(), watched)

    def _expiry(self, elsewhere: Collection[str]) -> Expiry:
        return Expiry(self.machines.address, self._clock(), self._lenient_until, self._is_scarce, elsewhere)

    def _is_scarce(self) -> bool:
        return self.machines.are_scarce(self._taken())

    def _give(self, user: str, machine: PoolMachine) -> None:
        now = self._clock()
        self._leases[user] = Lease(user, machine.key, machine.name, now, now, id=secrets.token_hex(8))
        self._version += 1

    def _end(self, lease: Lease) -> None:
        del self._leases[lease.user]
        self.machines.freed[lease.key] = self._clock()
        self._version += 1

    # -- state for users ------------------------------------------------------------------------------------------

    def summary(self, user: str) -> dict[str, Any]:
        """Return a user's machine or place, the length of the queue, and counts of the machines."""
        machine = self.machine_of(user)
        states = self.machines.states(self._taken())
        return {
            "machine": machine.name if machine else None,
            "place": self.place(user) or None,
            "waiting": len(self._queue),
            "size": len(self.machines),
            "free": states["free"],
            "aside": states["aside"],
        }

    def all_in_maintenance(self) -> bool:
        """Whether every machine is in maintenance, also those that somebody has."""
        return self.machines.all_in_maintenance()

    def rows(self) -> list[dict[str, Any]]:
        """List the machines and who has them; see :meth:`.Machines.rows`."""
        return self.machines.rows({lease.key: lease for lease in self._leases.values()})

    def waiting(self) -> list[dict[str, Any]]:
        """List the users who wait, in the order of the queue."""
        return self._queue.rows()

    # -- what is kept ---------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return what outlives the process, as JSON has it."""
        return Kept(self._leases, [*self._queue], self.machines.troubles, self.machines.freed).to_json()

    def held(self) -> dict[str, tuple[str, str]]:
        """Return the key of each user's machine, and the id of their lease."""
        return {lease.user: (lease.key, lease.id) for lease in self._leases.values()}

    def adopt(self, kept: Kept) -> None:
        """Replace what outlives the process; who is present, and who was told what, stays as it is."""
        for lease in kept.leases.values():
            mine = self._leases.get(lease.user)
            lease.warned = mine.warned if mine is not None and mine.key == lease.key else None
        self._take(kept)
        self._queue.replace(kept.queue)
        self._version += 1

    def _take(self, kept: Kept) -> None:
        self._leases, self.machines.troubles, self.machines.freed = kept.leases, kept.troubles, kept.freed

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], clock: Clock = time.time) -> Pool:
        """Make a pool as it was; its machines are known with :meth:`configure`.

        The time in which the service did not run does not count as idle: all users get some time to reconnect.

        Raises:
            ValueError: it is not what :meth:`to_json` returned; names the mistake.
        """
        pool = cls(clock=clock)
        now = clock()
        kept = Kept.from_json(raw, now)
        pool._take(kept)
        pool._queue = Queue(clock, kept.queue)
        pool._lenient_until = now + GRACE
        return pool
