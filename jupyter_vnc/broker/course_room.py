"""The course room, for instructors: people at desktops, machines, and the queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.escaping import printable
from jupyter_vnc.model.session_registry import SessionRegistry, sees
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor

from .catalogue import Catalogue
from .elsewhere import Elsewhere


class Room:
    """What a visitor sees of the people whom they oversee, and nothing of the others."""

    def __init__(self, registry: SessionRegistry, catalogue: Catalogue, kinds: AccessKinds) -> None:
        #: The desktops in other servers; the host sets it.
        self.elsewhere = Elsewhere()
        self._registry = registry
        self._catalogue = catalogue
        self._kinds = kinds

    async def rows(self, visitor: Visitor) -> dict[str, Any]:
        """Return the answer to ``GET api/room``."""
        targets = [target for target, _ in await self._catalogue.visible(visitor) if _is_overseen(visitor, target)]
        machines = [(target, row) for target in targets for row in self._kinds.of(target).machines(target)]
        waiting = [(target, row) for target in targets for row in self._kinds.of(target).waiting(target)]
        # All at once: most of them are away, and the host has to ask for them.
        people = await visitor.people({row["user"] for _, row in (*machines, *waiting) if row["user"]})

        def named(target: Target, row: dict[str, Any]) -> dict[str, Any]:
            """Leave out the user, if the visitor does not oversee them."""
            person = people.get(row["user"])
            overseen = person is not None and visitor.oversees(person, target)
            return row if overseen else row | {"user": None}

        here = [session for session in self._registry.everybody() if session.target.address.server is None]
        return {
            # Of desktops in other servers, "servers" has all who look at them.
            "sessions": [session.public() for session in here if sees(visitor, session)],
            "machines": [_known(target) | named(target, row) for target, row in machines],
            "waiting": [{"target": target.name} | named(target, row) for target, row in waiting],
            "servers": self.elsewhere.rows(visitor),
        }


def absent(rows: Mapping[str, list[dict[str, Any]]], members: Collection[str]) -> list[str]:
    """Return those members of a course who are in no row of its room: at no desktop, with no machine, in no queue."""
    there = {row["owner"] for row in (*rows["sessions"], *rows["servers"])}
    return sorted({*members} - there - {row["user"] for row in (*rows["machines"], *rows["waiting"])})


def _known(target: Target) -> dict[str, Any]:
    return {"target": target.name, "title": printable(target.title) or target.name}


def _is_overseen(visitor: Visitor, target: Target) -> bool:
    """Whether a target belongs to people whom a visitor oversees."""
    anybody = User("", target.allow_groups)
    return visitor.oversees(anybody, target)
