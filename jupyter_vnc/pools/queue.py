"""A pool's queue: the users who wait for a machine, in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from jupyter_vnc.throttling import Clock

from .lease import GRACE, Waiter, written


class Queue:
    """The users who wait. An absent one keeps their place for :data:`~jupyter_vnc.pools.lease.GRACE` seconds.

    Args:
        clock: the pool's.
        waiters: those who wait already.
    """

    def __init__(self, clock: Clock, waiters: Iterable[Waiter] = ()) -> None:
        self._clock = clock
        self._waiters = [*waiters]
        #: Those who are present at another process of the service.
        self.elsewhere: Collection[str] = frozenset()
        #: Incremented with each change that has to be saved; whether somebody is present is none.
        self.version = 0

    def __len__(self) -> int:
        return len(self._waiters)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(tuple(self._waiters))

    def find(self, user: str) -> Waiter | None:
        """Return a user's entry, None if they do not wait."""
        return next((waiter for waiter in self._waiters if waiter.user == user), None)

    def place(self, user: str) -> int:
        """Return a user's place, from 1; 0 if they do not wait."""
        return next((place for place, waiter in enumerate(self._waiters, 1) if waiter.user == user), 0)

    def join(self, user: str) -> None:
        """Note that a user is present, and put them at the end if they do not wait yet."""
        now = self._clock()
        if (waiter := self.find(user)) is not None:
            waiter.present, waiter.seen = True, now
        else:
            self._waiters.append(Waiter(user, now, now))
            self.version += 1

    def put_first(self, waiting: Iterable[tuple[str, float]]) -> None:
        """Put users before all others, absent until they ask: each with the time since when they wait."""
        now = self._clock()
        added = [Waiter(user, since, now, present=False) for user, since in waiting]
        self._waiters[:0] = added
        self.version += len(added)

    def leave(self, user: str) -> bool:
        """Remove a user; return whether they waited."""
        if (waiter := self.find(user)) is None:
            return False
        self._waiters.remove(waiter)
        self.version += 1
        return True

    def replace(self, waiters: Iterable[Waiter]) -> None:
        """Replace the queue; those who were in it before are as present as they were."""
        known = {waiter.user: waiter for waiter in self._waiters}
        self._waiters = [_as_present(waiter, known.get(waiter.user, waiter)) for waiter in waiters]
        self.version += 1

    def absent(self, user: str) -> None:
        """Note that no call waits for a user's turn any more."""
        if (waiter := self.find(user)) is not None and waiter.present:
            waiter.present, waiter.seen = False, self._clock()

    def forget_absent(self) -> None:
        """Remove the users who have been absent for too long."""
        now = self._clock()
        staying = [waiter for waiter in self._waiters if self._is_present(waiter) or now - waiter.seen < GRACE]
        if len(staying) < len(self._waiters):
            self._waiters = staying
            self.version += 1

    def present(self) -> list[str]:
        """List the users whose turn it may be now, in their order."""
        return [waiter.user for waiter in self._waiters if self._is_present(waiter)]

    def _is_present(self, waiter: Waiter) -> bool:
        return waiter.present or waiter.user in self.elsewhere

    def meet(self, elsewhere: Collection[str]) -> None:
        """Note who is present at other processes of the service: they, too, are not forgotten, and have their turn."""
        now = self._clock()
        for waiter in self._waiters:
            if waiter.user in self.elsewhere:
                waiter.seen = now
        self.elsewhere = elsewhere

    def rows(self) -> list[dict[str, Any]]:
        """List the users for REST, in their order."""
        rows = enumerate(self._waiters, 1)
        return [{"user": waiter.user, "place": place, "since": written(waiter.since)} for place, waiter in rows]


def _as_present(waiter: Waiter, known: Waiter) -> Waiter:
    return replace(waiter, present=known.present, seen=known.seen)
