"""The wall, in the service: which users' servers are asked for pictures, and what they have sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.model.wall_pictures import WallPicture, read_picture

from .links import OWN_DESKTOP, Link, id_of, key_of

#: The most sessions of one server whose pictures are kept, and of all.
PER_SERVER: Final = 4
TOTAL: Final = 2000


@dataclass(slots=True)
class _Shown:
    """A server that was asked, and the latest picture of each of its owner's sessions, by their ids there."""

    link: Link
    pictures: dict[str, WallPicture] = field(default_factory=dict)


class ServerWalls:
    """The servers whose owners are on somebody's wall."""

    def __init__(self) -> None:
        self._watchers: Collection[Visitor] = ()
        self._shown: dict[tuple[str, str], _Shown] = {}

    def show(self, watchers: Collection[Visitor], links: Iterable[Link]) -> None:
        """Note who has a wall open, and ask those servers for pictures that are on one."""
        self._watchers = watchers
        for link in [*links]:
            self.reported(link)

    def reported(self, link: Link) -> None:
        """Note that a server has said anew what runs there."""
        key = key_of(link)
        wanted, shown = self._is_wanted(link), self._shown.get(key)
        if shown is not None:
            own = _own_sessions(link)
            shown.pictures = {session: one for session, one in shown.pictures.items() if session in own}
        if wanted and shown is None:
            self._shown[key] = _Shown(link)
        elif not wanted and shown is not None:
            del self._shown[key]
        if wanted != (shown is not None):
            link.send({"type": "wall", "on": wanted})

    def lost(self, link: Link) -> None:
        """Note that a server is gone."""
        self._shown.pop(key_of(link), None)

    def pictured(self, link: Link, session: str, text: object) -> None:
        """Take a picture of one of the owner's sessions; what nobody has asked for is nothing.

        Raises:
            ValueError: it is none, or too large.
        """
        picture = read_picture(text)
        shown = self._shown.get(key_of(link))
        if shown is None or shown.link is not link or session not in _own_sessions(link):
            return
        if session in shown.pictures or (len(shown.pictures) < PER_SERVER and self._count < TOTAL):
            shown.pictures[session] = picture

    def pictures(self, visitor: Visitor, after: int) -> list[tuple[int, str, str]]:
        """See :meth:`.Elsewhere.pictures`."""
        return [
            (picture.stamp, id_of(shown.link, {"id": session}), picture.data)
            for shown in self._shown.values()
            if visitor.oversees(shown.link.owner, OWN_DESKTOP)
            for session, picture in shown.pictures.items()
            if picture.stamp > after
        ]

    @property
    def _count(self) -> int:
        return sum(len(shown.pictures) for shown in self._shown.values())

    def _is_wanted(self, link: Link) -> bool:
        if not link.report["looks"] or not link.report["desktops"]:
            return False
        return any(watcher.oversees(link.owner, OWN_DESKTOP) for watcher in self._watchers)


def _own_sessions(link: Link) -> set[str]:
    return {viewer["id"] for viewer in link.report["viewers"] if viewer["user"] == link.owner.name}
