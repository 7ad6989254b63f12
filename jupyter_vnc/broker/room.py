"""The course room, for instructors: people at desktops, machines, and the queue."""

from __future__ import annotations

from typing import Any

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.exceptions import printable
from jupyter_vnc.model.sessions import SessionRegistry, sees
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor

from .catalogue import Catalogue


class Room:
    """What a visitor sees of the people whom they oversee, and nothing of the others."""

    def __init__(self, registry: SessionRegistry, catalogue: Catalogue, kinds: AccessKinds) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._kinds = kinds

    async def rows(self, visitor: Visitor) -> dict[str, Any]:
        """Return the answer to ``GET api/room``."""
        targets = [target for target, _ in await self._catalogue.visible(visitor) if _is_overseen(visitor, target)]
        return {
            "sessions": [session.public() for session in self._registry if sees(visitor, session)],
            "machines": [row for target in targets for row in await self._machines(visitor, target)],
            "waiting": [row for target in targets for row in await self._waiting(visitor, target)],
        }

    async def _machines(self, visitor: Visitor, target: Target) -> list[dict[str, Any]]:
        known = {"target": target.name, "title": printable(target.title) or target.name}
        return [known | await self._named(visitor, target, row) for row in self._kinds.of(target).machines(target)]

    async def _waiting(self, visitor: Visitor, target: Target) -> list[dict[str, Any]]:
        rows = [await self._named(visitor, target, row) for row in self._kinds.of(target).waiting(target)]
        return [{"target": target.name} | row for row in rows]

    async def _named(self, visitor: Visitor, target: Target, row: dict[str, Any]) -> dict[str, Any]:
        """Leave out the user, if the visitor does not oversee them."""
        person = await visitor.person(row["user"]) if row["user"] else None
        overseen = person is not None and visitor.oversees(person, target)
        return row if overseen else row | {"user": None}


def _is_overseen(visitor: Visitor, target: Target) -> bool:
    """Whether a target belongs to people whom a visitor oversees."""
    anybody = User("", target.allow_groups)
    return visitor.oversees(anybody, target)
