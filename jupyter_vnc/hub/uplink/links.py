"""Connections to users' servers, and what the course room says of the desktops there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Protocol

from jupyter_vnc.escaping import printable
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec
from jupyter_vnc.model.sessions import LONGEST_SENTENCE
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor

#: The report of a server that has connected and said nothing yet; compared by identity.
UNSAID: Final[dict[str, Any]] = {"looks": False, "desktops": [], "viewers": []}

#: Any desktop in somebody's own server: no target of a course, so that the person decides who oversees it.
OWN_DESKTOP: Final = Target(name="desktop", address=DesktopAddress(DesktopSpec()))


class Link(Protocol):
    """A connection to a user's server.

    ``report`` is what it said last, which :meth:`Uplinks.heard` sets; ``owner`` is who its login says that it is.
    """

    owner: User
    server: str
    report: dict[str, Any]

    def send(self, notice: dict[str, Any]) -> None:
        """Send a notice; one that cannot be sent is lost."""

    def replace(self) -> None:
        """Close it: the same server has connected again."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What a server said last, before it went at a time."""

    owner: User
    server: str
    report: dict[str, Any]
    at: str


def key_of(link: Link) -> tuple[str, str]:
    """Name a server."""
    return link.owner.name, link.server


def row_of(visitor: Visitor, link: Link | Gone) -> dict[str, Any]:
    """One row of ``servers``.

    Guests are named to themselves, and to those who oversee everybody or exactly them. Who oversees a group is told no
    guest's name, not even of the group: a server says who is there, and could say anybody.
    """
    running = {row["name"] for row in link.report["desktops"]}

    def known(viewer: dict[str, Any]) -> str | None:
        name: str = viewer["user"]
        named = name in {link.owner.name, visitor.user.name} or visitor.oversees(User(name), OWN_DESKTOP)
        return printable(name) if named else None

    return {
        "owner": link.owner.name,
        "server": link.server,
        "looks": link.report["looks"],
        "desktops": [
            {"target": printable(row["name"]), "state": row["state"], "since": row["since"]}
            for row in link.report["desktops"]
        ],
        "viewers": [
            {key: row[key] for key in ("mode", "since", "last_input", "hand")}
            | {"id": id_of(link, row), "target": printable(row["target"]), "user": known(row)}
            | {"hand_sentence": printable(row["hand_sentence"], LONGEST_SENTENCE)}
            for row in link.report["viewers"]
            if row["target"] in running
        ],
    }


def id_of(link: Link | Gone, viewer: dict[str, Any]) -> str:
    """Name a session for this service: a server chooses its ids, and could choose another's."""
    parts = "\0".join([link.owner.name, link.server, viewer["id"]])
    return hashlib.sha256(parts.encode("utf8", "replace")).hexdigest()[:16]
