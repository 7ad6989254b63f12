"""The uplinks of one process of the service: what the users' servers reported last, and the way back to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

from jupyter_vnc.broker.elsewhere import Elsewhere
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import LimitExceeded, TargetNotFound
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor

#: The most servers of one user (a hub permits several), and of all.
PER_USER: Final = 16
TOTAL: Final = 10_000


class Link(Protocol):
    """A connection to a user's server. ``report`` is what it said last; ``owner`` is who its login says that it is."""

    owner: User
    server: str
    report: dict[str, Any]

    def send(self, notice: dict[str, Any]) -> None:
        """Send a notice; one that cannot be sent is lost."""

    def replace(self) -> None:
        """Close it: the same server has connected again."""


class Uplinks(Elsewhere):
    """The servers that are connected to this process."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], Link] = {}

    def add(self, link: Link) -> None:
        """Add a connection; an earlier one of the same server is closed.

        Raises:
            LimitExceeded: there are too many.
        """
        key = (link.owner.name, link.server)
        others = [name for name, server in self._links if (name, server) != key]
        if len(others) >= TOTAL or others.count(link.owner.name) >= PER_USER:
            raise LimitExceeded("Too many servers are connected.", retry_after=60.0)
        earlier = self._links.get(key)
        self._links[key] = link
        if earlier is not None:
            earlier.replace()

    def remove(self, link: Link) -> None:
        """Forget a connection that is gone, unless the server has another by now."""
        key = (link.owner.name, link.server)
        if self._links.get(key) is link:
            del self._links[key]

    def rows(self, visitor: Visitor) -> list[dict[str, Any]]:
        """See :meth:`.Elsewhere.rows`."""
        return [row for link in self._links.values() if (row := _row(visitor, link))["desktops"]]

    def message(self, visitor: Visitor, session_id: str, text: str) -> str:
        """See :meth:`.Elsewhere.message`."""
        return self._send(visitor, session_id, {"type": "message", "text": text})

    def end(self, visitor: Visitor, session_id: str) -> str:
        """See :meth:`.Elsewhere.end`."""
        return self._send(visitor, session_id, {"type": "end"})

    def _send(self, visitor: Visitor, session_id: str, notice: dict[str, Any]) -> str:
        for link, viewer in self._sessions(visitor):
            if _id(link, viewer) == session_id:
                link.send({**notice, "session": viewer["id"], "sender": visitor.user.name})
                return link.owner.name
        raise TargetNotFound("There is no such session.")

    def _sessions(self, visitor: Visitor) -> Iterator[tuple[Link, dict[str, Any]]]:
        """The owners' own sessions: what a guest does in somebody's server is that server's affair."""
        for link in self._links.values():
            for viewer in link.report["viewers"]:
                mine = viewer["user"] == link.owner.name
                if mine and visitor.oversees(link.owner, _target(viewer["target"])):
                    yield link, viewer


def _row(visitor: Visitor, link: Link) -> dict[str, Any]:
    """One row of ``servers``. Others than the owner are named to those who oversee them, and to themselves."""
    seen = {row["name"] for row in link.report["desktops"] if visitor.oversees(link.owner, _target(row["name"]))}

    def known(viewer: dict[str, Any]) -> str | None:
        name: str = viewer["user"]
        target = _target(viewer["target"])
        named = name in {link.owner.name, visitor.user.name} or visitor.oversees(User(name), target)
        return printable(name) if named else None

    return {
        "owner": link.owner.name,
        "server": link.server,
        "desktops": [
            {"target": printable(row["name"]), "state": row["state"], "since": row["since"]}
            for row in link.report["desktops"]
            if row["name"] in seen
        ],
        "viewers": [
            {**row, "id": _id(link, row), "target": printable(row["target"]), "user": known(row)}
            for row in link.report["viewers"]
            if row["target"] in seen
        ],
    }


def _id(link: Link, viewer: dict[str, Any]) -> str:
    """Name a session for this service: a server chooses its ids, and could choose another's."""
    parts = "\0".join([link.owner.name, link.server, viewer["id"]])
    return hashlib.sha256(parts.encode("utf8", "replace")).hexdigest()[:16]


def _target(name: str) -> Target:
    """A desktop in somebody's own server: no target of a course, so that the person decides who oversees it."""
    return Target(name=name, address=DesktopAddress(DesktopSpec()))
