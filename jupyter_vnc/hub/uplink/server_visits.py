"""Visits of owners at desktops in their own servers, made of what these servers report.

The times are the service's: a server says what its owner likes. It can say that somebody is there who is not, and of
its own owner only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from jupyter_vnc.exceptions import LimitExceeded
from jupyter_vnc.model.attendance import courses_of
from jupyter_vnc.stores.database.visits import Visit
from jupyter_vnc.throttling import RateLimit

from .links import OWN_DESKTOP, Link, id_of, key_of

#: Visits of one user in a minute, and at once: each is a row of the database, and a page that is loaded again is one.
PER_MINUTE: Final = 0.5
AT_ONCE: Final = 32

LEFT: Final = "The viewer left."
LOST: Final = "The server is not connected any more."
STOPPED: Final = "The service was stopped."


class ServerVisits:
    """The visits that are open, by server and session."""

    def __init__(self, note: Callable[[Visit], None], clock: Callable[[], float] = time.time) -> None:
        self._note = note
        self._clock = clock
        self._open: dict[tuple[str, str], dict[str, Visit]] = {}
        self._closed = False
        self._rate = RateLimit(PER_MINUTE, AT_ONCE, what="visits")

    def heard(self, link: Link) -> None:
        """Begin and end visits by what a server has said; after :meth:`close` it begins none."""
        if self._closed:
            return
        running = {row["name"] for row in link.report["desktops"]}
        own = [one for one in link.report["viewers"] if one["user"] == link.owner.name and one["target"] in running]
        there = {id_of(link, viewer): viewer for viewer in own}
        known = self._open.setdefault(key_of(link), {})
        for session in known.keys() - there.keys():
            self._end(known.pop(session), LEFT)
        for session in there.keys() - known.keys():
            self._begin(known, link, session, there[session])
        if not known:
            del self._open[key_of(link)]

    def _begin(self, known: dict[str, Visit], link: Link, session: str, viewer: dict[str, Any]) -> None:
        try:
            self._rate.spend(link.owner.name)
        except LimitExceeded:
            return  # the next report says it again
        content = {
            "user": link.owner.name,
            "owner": link.owner.name,
            "target": viewer["target"],
            "mode": viewer["mode"],
            "machine": None,
            "groups": [],
            "courses": courses_of(link.owner, OWN_DESKTOP),
            "server": link.server,
        }
        known[session] = Visit(session, self._clock(), content, moves=True)
        self._note(known[session])

    def lost(self, link: Link, cause: str = LOST) -> None:
        """End the visits at a server that is gone. If it comes back with the same ones, they go on."""
        for visit in self._open.pop(key_of(link), {}).values():
            self._end(visit, cause)

    def close(self) -> None:
        """End all of them, for good: the service stops, and servers that it still hears begin none."""
        self._closed = True
        for known in self._open.values():
            for visit in known.values():
                self._end(visit, STOPPED)
        self._open.clear()

    def _end(self, visit: Visit, cause: str) -> None:
        self._note(replace(visit, ended=self._clock(), cause=cause))
