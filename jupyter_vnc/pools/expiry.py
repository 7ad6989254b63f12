"""When a lease is over: idle for too long, held for too long, or never used; and who is told before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from jupyter_vnc.model.addresses import PoolAddress

from .lease import GRACE, LAG, NOTICE, Lease, span


@dataclass(frozen=True, slots=True)
class Expiry:
    """The rules at one moment.

    Attributes:
        times: the limits that are configured.
        now: the moment.
        lenient_until: until then, idle time is not counted: users had no service to come back to.
        is_scarce: returns whether no machine is free that works. Asked again for each lease, because the one before
            may have been given back meanwhile.
        elsewhere: users who have their desktop on the screen at another process of the service, which decides about
            them. Those who are at this one, too, count as idle somewhat later, because their last input there may not
            be known here yet.
    """

    times: PoolAddress
    now: float
    lenient_until: float
    is_scarce: Callable[[], bool]
    elsewhere: Collection[str] = ()

    def warnings(self, leases: Iterable[Lease], watched: Collection[str]) -> list[tuple[str, float]]:
        """Note and list whom to tell that their idle machine is about to be taken back; each is told once.

        Args:
            leases: those that there are.
            watched: users who have their desktop on the screen.

        Returns:
            Each with the seconds that are left; 0 for users who were told, and keep their machine after all.
        """
        told = []
        for lease in leases:
            ends = lease.user in watched and self._is_wanted(lease)
            if ends == (lease.warned is not None):
                continue
            lease.warned = self.now if ends else None
            told.append((lease.user, self._notice if ends else 0.0))
        return told

    def over(self, leases: Iterable[Lease], watched: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield the users whose lease is over, each with a sentence for them.

        Args:
            leases: those that there are.
            watched: users who have their desktop on the screen. They are warned before, and nobody takes their machine
                back while there are others.
        """
        for lease in sorted(leases, key=lambda one: (one.user in watched, one.last_use)):
            if lease.user in self.elsewhere and lease.user not in watched:
                continue
            why = self._why(lease)
            if why and (lease.user not in watched or self._was_warned(lease)):
                yield lease.user, why

    @property
    def _notice(self) -> float:
        return min(NOTICE, self.times.idle_timeout / 2)

    def _is_wanted(self, lease: Lease) -> bool:
        """Whether an idle machine is needed for somebody else, soon or now."""
        idle = self.times.idle_timeout
        return bool(idle) and self._unused(lease) >= idle - self._notice and self.is_scarce()

    def _unused(self, lease: Lease) -> float:
        return self.now - lease.last_use - (LAG if lease.user in self.elsewhere else 0.0)

    def _was_warned(self, lease: Lease) -> bool:
        """Whether a user who watches has had their time to object; the end of ``max_lease`` needs no warning."""
        return self._is_too_long(lease) or (
            lease.warned is not None and self.now - lease.warned >= self._notice and self._is_wanted(lease)
        )

    def _is_too_long(self, lease: Lease) -> bool:
        most = self.times.max_lease
        return bool(most) and self.now - lease.since >= most

    def _why(self, lease: Lease) -> str:
        idle, unused = self.times.idle_timeout, self._unused(lease)
        if self._is_too_long(lease):
            return f"The time on this machine is over: {span(self.times.max_lease)} at most."
        if self.now < self.lenient_until:
            return ""
        if idle and unused >= idle:
            return f"This machine was not used for {span(idle)}, so it was taken back."
        if not lease.used and unused >= GRACE:
            return f"Its user did not come for this machine within {span(GRACE)}, so it was taken back."
        return ""
