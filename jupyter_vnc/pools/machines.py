"""The machines of a pool: which there are, which are set aside or in maintenance, and which is given out next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jupyter_vnc.model.addresses import MAX_RETRY, PoolAddress, PoolMachine
from jupyter_vnc.throttling import Clock

from .lease import Lease, Trouble, written


class Machines:
    """All machines of one pool, by their keys. Who has which is not known here.

    Args:
        clock: the pool's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_key: dict[str, PoolMachine] = {}
        self._withdrawn = False
        #: The machines that failed, and when each was given back last.
        self.troubles: dict[str, Trouble] = {}
        self.freed: dict[str, float] = {}
        #: What is configured, and whether it is known yet.
        self.address = PoolAddress(())
        self.configured = False
        #: Whether a machine, by its name, is in maintenance: it is given to nobody new.
        self.in_maintenance: Callable[[str], bool] = lambda machine: False

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def __getitem__(self, key: str) -> PoolMachine:
        return self._by_key[key]

    def get(self, key: str) -> PoolMachine | None:
        """Return a machine, None if there is none with this key."""
        return self._by_key.get(key)

    def configure(self, address: PoolAddress) -> bool:
        """Apply the configuration; return whether it is another one. What is known of machines that are gone goes."""
        if self.configured and address == self.address and not self._withdrawn:
            return False
        self._withdrawn = False
        self.address, self.configured = address, True
        self._by_key = {machine.key: machine for machine in address.machines}
        for known in (self.troubles, self.freed):
            for key in known.keys() - self._by_key.keys():
                del known[key]
        return True

    def withdraw(self) -> None:
        """Give none out until :meth:`configure` is called again."""
        self._withdrawn = True

    def free(self, taken: Collection[str]) -> list[PoolMachine]:
        """List the free machines, the best first: healthy and longest unused, then those that may be tried again."""
        if self._withdrawn:
            return []
        usable = [machine for machine in self._by_key.values() if not self.in_maintenance(machine.name)]
        due = [machine for machine in usable if machine.key not in taken and self._pause(machine.key) <= 0]
        return sorted(due, key=lambda machine: self._rank(machine.key))

    def are_scarce(self, taken: Collection[str]) -> bool:
        """Whether no machine is free that works. In a pool that is gone nothing is missing to anybody."""
        return not self._withdrawn and all(machine.key in self.troubles for machine in self.free(taken))

    def _pause(self, key: str) -> float:
        return self.troubles[key].until - self._clock() if key in self.troubles else 0.0

    def _rank(self, key: str) -> tuple[bool, float]:
        trouble = self.troubles.get(key)
        return (True, trouble.until) if trouble else (False, self.freed.get(key, 0.0))

    def set_aside(self, key: str) -> bool:
        """Give a machine that failed to nobody for some time; return whether that is news."""
        now = self._clock()
        if key not in self._by_key or self._pause(key) > 0:
            return False  # two sessions that failed on it at once are one failure
        trouble = self.troubles.setdefault(key, Trouble(0, now))
        trouble.until = now + min(MAX_RETRY, self.address.retry_after * 2.0 ** min(trouble.failures, 16))
        trouble.failures += 1
        return True

    def all_in_maintenance(self) -> bool:
        """Whether every machine is in maintenance, also those that somebody has."""
        return bool(self._by_key) and all(self.in_maintenance(one.name) for one in self._by_key.values())

    def states(self, taken: Collection[str]) -> Counter[str]:
        """Count them by state. Everybody who waits is told, so it makes no rows.

        Args:
            taken: the keys of those that somebody has.
        """
        return Counter(self._state(machine, is_taken=key in taken) for key, machine in self._by_key.items())

    def _state(self, machine: PoolMachine, *, is_taken: bool) -> str:
        if is_taken:
            return "taken"
        if self.in_maintenance(machine.name):
            return "maintenance"
        return "aside" if machine.key in self.troubles else "free"

    def rows(self, holders: Mapping[str, Lease]) -> list[dict[str, Any]]:
        """List them for REST, never with an address. ``retry_in`` is seconds, for those that are set aside.

        Args:
            holders: the leases, by the key of their machine.
        """
        return [self._row(machine, holders.get(machine.key)) for machine in self._by_key.values()]

    def _row(self, machine: PoolMachine, lease: Lease | None) -> dict[str, Any]:
        state = self._state(machine, is_taken=lease is not None)
        return {
            "machine": machine.name,
            "state": state,
            "retry_in": max(0.0, self._pause(machine.key)) if state == "aside" else None,
            "user": lease.user if lease else None,
            "since": written(lease.since) if lease else None,
            "last_input": written(lease.last_input) if lease else None,
        }
