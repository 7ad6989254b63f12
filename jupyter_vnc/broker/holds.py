"""Whose input is held, and by whom: a desktop is held, with all who are at it except those who look in.

A hold ends when its page does not ask for it any more, and after an hour. It belongs to the desktop and not to a
session, so that nobody gets rid of it by loading the page again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jupyter_vnc.model.holds import LASTS, LONGEST, Hold
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session

#: A desktop of this server: its owner's name, and its target's.
Desktop = tuple[str, str]


@dataclass(slots=True)
class _Lease:
    """A hold that was asked for; it counts until a time, and is remembered for a while after that."""

    hold: Hold
    began: float
    until: float
    forgotten: float


class Holds:
    """The holds that this process knows of.

    Args:
        registry: the live sessions.
        lasts: see :data:`.LASTS`.
        longest: see :data:`.LONGEST`.
        clock: seconds.
    """

    def __init__(
        self,
        registry: SessionRegistry,
        *,
        lasts: float = LASTS,
        longest: float = LONGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._lasts, self._longest = lasts, longest
        self._clock = clock
        self._leases: dict[Desktop, dict[tuple[str, str], _Lease]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def came(self, session: Session) -> None:
        """Note that a session has begun; whoever comes again is held as before."""
        desktop = desktop_of(session)
        session.take_hold = lambda hold, on: self.take(desktop, hold, on=on)
        session.be_held(self._holder(session))

    def put(self, desktop: Desktop, hold: Hold, *, on: bool) -> bool:
        """Hold a desktop for a while, or lift that hold, at all processes.

        Returns:
            Whether it is held now: not after :data:`.LONGEST`.
        """
        for session in self._registry.everybody():
            if not session.is_here and desktop_of(session) == desktop:
                session.put_hold(hold, on=on)
        return self.take(desktop, hold, on=on)

    def take(self, desktop: Desktop, hold: Hold, *, on: bool) -> bool:
        """Do at this process what :meth:`put` does."""
        leases = self._leases.setdefault(desktop, {})
        key = hold.by, hold.kind
        now = self._clock()
        if on:
            began = leases[key].began if key in leases else now
            leases[key] = _Lease(hold, began, min(now + self._lasts, began + self._longest), now + self._lasts)
        else:
            leases.pop(key, None)
        if not leases:
            del self._leases[desktop]
        # The others are as they were: a page asks for a whole course, one by one.
        self._tell(one for one in self._registry if desktop_of(one) == desktop)
        if self._leases:
            self._look_again(leases.values())
        else:
            self.close()
        return on and leases[key].until > now

    def close(self) -> None:
        """Watch no time any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _settle(self) -> None:
        """Forget what is over, tell all sessions who holds them now, and look again when that changes."""
        self.close()
        now = self._clock()
        for desktop, leases in [*self._leases.items()]:
            for key, lease in [*leases.items()]:
                if lease.forgotten <= now:
                    del leases[key]
            if not leases:
                del self._leases[desktop]
        self._tell(self._registry)
        self._look_again(lease for leases in self._leases.values() for lease in leases.values())

    def _tell(self, sessions: Iterable[Session]) -> None:
        """Tell sessions who holds them now."""
        for session in sessions:
            session.be_held(self._holder(session))

    def _look_again(self, leases: Iterable[_Lease]) -> None:
        """Settle when the first of these is over, or earlier; no timer runs without a hold."""
        now = self._clock()
        later = min((at for one in leases for at in (one.until, one.forgotten) if at > now), default=None)
        if later is not None and (self._timer is None or later < self._next):
            self.close()
            self._next = later
            self._timer = asyncio.get_running_loop().call_later(max(0.01, later - now), self._settle)

    def _holder(self, session: Session) -> Hold | None:
        if session.look_in:
            return None
        now = self._clock()
        asked = self._leases.get(desktop_of(session), {}).values()
        leases = [one for one in asked if one.until > now and one.hold.by != session.user.name]
        first = min(leases, key=lambda one: one.began, default=None)
        return None if first is None else first.hold


def desktop_of(session: Session) -> Desktop:
    """Name the desktop of a session; those in other servers are held there, and nobody else is at them here."""
    return session.owner.name, session.target.name
