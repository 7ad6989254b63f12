"""The uplinks of one process of the service: what the users' servers reported last, and the way back to them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from cachetools import TTLCache

from jupyter_vnc.broker.elsewhere import MUTE, Elsewhere
from jupyter_vnc.channels import Channel
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import LimitExceeded, ServerAway, TargetBusy, TargetNotFound, TargetUnreachable
from jupyter_vnc.model.addresses import UserServerAddress
from jupyter_vnc.model.holds import Hold
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target, ViewerOptions
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.throttling import RateLimit

from .links import OWN_DESKTOP, UNSAID, Gone, Link, id_of, key_of, row_of
from .looks import Looks
from .server_visits import ServerVisits
from .server_walls import ServerWalls

Kept = TypeVar("Kept")

#: The most servers of one user (a hub permits several), and of all.
PER_USER: Final = 16
TOTAL: Final = 10_000
#: The most sessions of its owner that are kept of a server; more than the limit of a server by default.
OWN: Final = 16
#: Connections of one user in a minute, and at once: all of their servers come back when the service was restarted.
PER_MINUTE: Final = 30
BURST: Final = 2 * PER_USER
#: Notices of one visitor to one server in a minute, and at once: messages and ends of its owner's sessions, or looks.
#: Two visitors together stay below what a server does.
NOTICES: Final = 60
NOTICES_AT_ONCE: Final = 32
#: For how long (seconds) the room shows that a server is not connected any more: an instructor looks up now and then.
GONE: Final = 600.0
#: For how long (seconds) after the start of the service a server may be about to connect again.
RETURNING: Final = 120.0

#: Whoever looks at a desktop in somebody's server leaves its size and its clipboard alone. Text that is copied there
#: comes all the same: an X server sends it to all viewers.
_SHOWN: Final = ViewerOptions(resize="scale", clipboard="off")


class Uplinks(Elsewhere):
    """The servers that are connected to this process, and those that were until a moment ago."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._links: dict[tuple[str, str], Link] = {}
        #: How many of them are of whom.
        self._servers: Counter[str] = Counter()
        #: The owners' own sessions, by the ids that they have here: what a guest does in somebody's server is that
        #: server's affair.
        self._sessions: dict[str, tuple[Link, dict[str, Any]]] = {}
        self._clock = clock
        self._began = clock()
        #: By owner and server; each owner has a few, so that they need not be counted among those of all.
        self._gone: TTLCache[str, TTLCache[str, Gone]] = TTLCache(TOTAL, GONE, clock, getsizeof=len)
        #: What they were asked to show.
        self.looks = Looks()
        self.walls = ServerWalls()
        #: Who was at which of them; the service keeps it.
        self.visits = ServerVisits(lambda visit: None)
        self._rate = RateLimit(PER_MINUTE, BURST, what="connections", clock=clock)
        self._notices = RateLimit(NOTICES, NOTICES_AT_ONCE, what="requests to this server", clock=clock)

    def add(self, link: Link) -> None:
        """Add a connection; an earlier one of the same server is closed.

        Raises:
            LimitExceeded: there are too many, or too often new ones.
        """
        self._rate.spend(link.owner.name)
        key = key_of(link)
        earlier = self._links.get(key)
        if earlier is not None:
            self._forget_sessions(earlier)
            self.looks.lost(earlier)
            self.walls.lost(earlier)
        elif len(self._links) >= TOTAL or self._servers[key[0]] >= PER_USER:
            raise LimitExceeded("Too many servers are connected.", retry_after=60.0)
        else:
            self._servers[key[0]] += 1
        self._links[key] = link
        if link.report is not UNSAID:
            self.heard(link, link.report)
        if earlier is not None:
            earlier.replace()

    def heard(self, link: Link, report: dict[str, Any]) -> None:
        """Take a report; one that comes late, when the server has connected again, is left out."""
        if self._links.get(key_of(link)) is not link:
            return
        if (of_owner := self._gone.get(link.owner.name)) is not None:
            of_owner.pop(link.server, None)
        self._forget_sessions(link)
        own = [viewer for viewer in report["viewers"] if viewer["user"] == link.owner.name]
        left_out = own[OWN:]
        link.report = {**report, "viewers": [viewer for viewer in report["viewers"] if viewer not in left_out]}
        self._sessions |= {id_of(link, viewer): (link, viewer) for viewer in own[:OWN]}
        self.walls.reported(link)
        self.visits.heard(link)

    def _forget_sessions(self, link: Link) -> None:
        for viewer in link.report["viewers"]:
            self._sessions.pop(id_of(link, viewer), None)

    def remove(self, link: Link) -> None:
        """Forget a connection that is gone, unless the server has another by now."""
        key = key_of(link)
        if self._links.get(key) is link:
            self.walls.lost(link)
            self.visits.lost(link)
            self.looks.lost(link)
            self.looks.left(link, lambda: key in self._links)
            self._forget_sessions(link)
            del self._links[key]
            self._servers[key[0]] -= 1
            if not self._servers[key[0]]:
                del self._servers[key[0]]
            if link.report["desktops"]:
                self._keep(Gone(link.owner, link.server, {**link.report, "viewers": []}, _now()))

    def _keep(self, gone: Gone) -> None:
        """Keep what a server said last; of more than :data:`PER_USER` of one user, the latest."""
        of_owner = self._gone.get(gone.owner.name)
        if of_owner is None:
            of_owner = TTLCache(PER_USER, GONE, self._clock)
        of_owner[gone.server] = gone
        self._gone[gone.owner.name] = of_owner  # again: it now lasts longer, and has another size

    def rows(self, visitor: Visitor) -> list[dict[str, Any]]:
        """See :meth:`.Elsewhere.rows`."""
        known: list[tuple[Link | Gone, str | None]] = [(link, None) for link in self._links.values()]
        known += [(one, one.at) for of_owner in _fresh(self._gone) for one in _fresh(of_owner)]
        return [
            row_of(visitor, link) | {"gone": at}
            for link, at in known
            if link.report["desktops"] and visitor.oversees(link.owner, OWN_DESKTOP)
        ]

    def find(self, visitor: Visitor, owner: str, server: str, name: str) -> tuple[Target, User]:
        """See :meth:`.Elsewhere.find`."""
        link = self._links.get((owner, server))
        if link is None or link.report is UNSAID:
            raise self._missing(visitor, owner, server, name)
        if _shows(visitor, link, name):
            return _look_at(server, name, Mode.CONTROL if link.report.get("control") else Mode.VIEW), link.owner
        raise TargetNotFound

    def _missing(self, visitor: Visitor, owner: str, server: str, name: str) -> TargetNotFound:
        """Return why a server's desktop cannot be found that is not connected, or has said nothing yet.

        Until all servers have come back after the start of the service, nobody knows what there is: whoever may oversee
        anybody is told to try again, and learns nothing by it.
        """
        of_owner = self._gone.get(owner)
        known = None if of_owner is None else of_owner.get(server)
        if known is not None:
            return ServerAway() if _shows(visitor, known, name) else TargetNotFound()
        link = self._links.get((owner, server))
        if link is not None:
            return ServerAway() if visitor.oversees(link.owner, OWN_DESKTOP) else TargetNotFound()
        starting = self._clock() - self._began < RETURNING
        return ServerAway() if starting and visitor.oversees_somebody else TargetNotFound()

    async def look(self, session: Session) -> Channel:
        """See :meth:`.Elsewhere.look`."""
        link = self._links.get((session.owner.name, session.target.address.server or ""))
        if link is None:
            raise TargetUnreachable(f"The server of {printable(session.owner.name)} is not connected.")
        self._spend(session.user, link, "look")
        return await self.looks.ask(link, session.target.name, session.user, session.mode)

    def show(self, watchers: Collection[Visitor]) -> None:
        """See :meth:`.Elsewhere.show`."""
        self.walls.show(watchers, self._links.values())

    def pictures(self, visitor: Visitor, after: int) -> list[tuple[int, str, str]]:
        """See :meth:`.Elsewhere.pictures`."""
        return self.walls.pictures(visitor, after)

    def message(self, visitor: Visitor, session_id: str, text: str, *, link: bool = False) -> str:
        """See :meth:`.Elsewhere.message`."""
        there, viewer = self._find(visitor, session_id)
        if not viewer["notes"]:
            raise TargetBusy(MUTE)
        return self._send(visitor, there, viewer, {"type": "link" if link else "message", "text": text})

    def end(self, visitor: Visitor, session_id: str) -> str:
        """See :meth:`.Elsewhere.end`."""
        return self._send(visitor, *self._find(visitor, session_id), {"type": "end"})

    def may_hold(self, visitor: Visitor, owner: str, server: str, name: str) -> bool:
        """See :meth:`.Elsewhere.may_hold`."""
        link = self._links.get((owner, server))
        if link is None or not visitor.oversees(link.owner, OWN_DESKTOP):
            return False
        return any(row["name"] == name for row in link.report["desktops"])

    def hold(self, by: User, owner: str, server: str, name: str, hold: Hold, *, on: bool) -> None:
        """See :meth:`.Elsewhere.hold`."""
        link = self._links.get((owner, server))
        if link is None:
            raise TargetNotFound(f"The server of {printable(owner)} is not connected.")
        self._spend(by, link, "hold")
        link.send({"type": "hold", "target": name, "sender": by.name, "why": hold.kind, "text": hold.text, "on": on})

    def _send(self, visitor: Visitor, link: Link, viewer: dict[str, Any], notice: dict[str, Any]) -> str:
        self._spend(visitor.user, link, "notice")
        link.send({**notice, "session": viewer["id"], "sender": visitor.user.name})
        return link.owner.name

    def _spend(self, sender: User, link: Link, kind: str) -> None:
        """Count a notice.

        Raises:
            LimitExceeded: it is one too many of this sender to this server.
        """
        self._notices.spend("\0".join([kind, sender.name, link.owner.name, link.server]))

    def _find(self, visitor: Visitor, session_id: str) -> tuple[Link, dict[str, Any]]:
        found = self._sessions.get(session_id)
        if found is None or not visitor.oversees(found[0].owner, OWN_DESKTOP):
            raise TargetNotFound("There is no such session.")
        return found


def _shows(visitor: Visitor, link: Link | Gone, name: str) -> bool:
    """Whether a server lets somebody look at one of its desktops; one that starts has nothing to show yet."""
    if not link.report["looks"] or not visitor.oversees(link.owner, OWN_DESKTOP):
        return False
    return any((row["name"], row["state"]) == (name, "up") for row in link.report["desktops"])


def _look_at(server: str, name: str, mode: Mode) -> Target:
    return Target(name=name, address=UserServerAddress(server), mode=mode, viewer=_SHOWN)


def _fresh(cache: TTLCache[str, Kept]) -> list[Kept]:
    """What has not expired; the cache's own views raise errors for what expires meanwhile."""
    return [value for key in tuple(cache) if (value := cache.get(key)) is not None]


def _now() -> str:
    return datetime.now(UTC).isoformat()
