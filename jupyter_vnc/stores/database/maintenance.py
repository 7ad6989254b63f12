"""What is in maintenance, in the database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from jupyter_vnc.model.maintenance import Place

from .bus import MAINTENANCE, announce
from .database import Database
from .tables import changes, maintenance

#: What inserts a row unless there is one, by the kind of database.
_INSERT: Final[Mapping[str, Callable[..., Any]]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

#: Actions of the history.
_BEGUN: Final = "maintain"
_ENDED: Final = "in service"
_REMOVED: Final = "remove"
#: So many of the last ones of a target are looked at: its machines go and come back one after the other.
LATEST: Final = 400


class MaintenanceStore:
    """The table of what is in maintenance; each change is also one of the history."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> frozenset[Place]:
        """Return what is in maintenance.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.reading() as connection:
            rows = await connection.execute(select(maintenance.c.target, maintenance.c.machine))
            return frozenset((row.target, row.machine) for row in rows)

    async def decided_by(self, changed: Mapping[Place, bool]) -> dict[Place, str]:
        """Return who has begun or ended the maintenance of what; what nobody has is not in it: its target was removed.

        Args:
            changed: what it is about, and whether it has begun.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        who: dict[Place, str] = {}
        async with self._database.reading() as connection:
            for target in {target for target, _ in changed}:
                machines = {machine: begins for (name, machine), begins in changed.items() if name == target}
                who |= {
                    (target, machine): by for machine, by in (await _deciders(connection, target, machines)).items()
                }
        return who

    async def put(self, place: Place, begins: bool, by: str, detail: str) -> bool:
        """Begin or end maintenance; return whether that changed anything. What has begun already stays as it is.

        Args:
            place: what it is about.
            begins: whether it begins.
            by: who does this.
            detail: for the history, as JSON.

        Raises:
            StoreUnavailable: the database does not answer; nothing has changed.
        """
        now = self._clock()
        async with self._database.writing() as connection:
            # Not read first: of two that do the same at once, the second must not fail or count.
            if not await (_begin(connection, place, now, by) if begins else _end(connection, place)):
                return False
            action = _BEGUN if begins else _ENDED
            said = {"at": now, "by": by, "action": action, "target": place[0], "detail": detail}
            await connection.execute(insert(changes).values(said))
            await announce(connection, MAINTENANCE)
        return True


async def _deciders(connection: AsyncConnection, target: str, machines: Mapping[str, bool]) -> dict[str, str]:
    """Return who has begun or ended the maintenance of a target's machines, by the machines' names."""
    mine = (changes.c.target == target) & changes.c.action.in_((_BEGUN, _ENDED, _REMOVED))
    query = select(changes).where(mine).order_by(changes.c.id.desc()).limit(LATEST + len(machines))
    who: dict[str, str] = {}
    for row in await connection.execute(query):
        if row.action == _REMOVED:
            break
        machine = json.loads(row.detail).get("machine")
        if machine in machines and row.action == (_BEGUN if machines[machine] else _ENDED):
            who.setdefault(machine, str(row.by))
    return who


async def _begin(connection: AsyncConnection, place: Place, now: float, by: str) -> bool:
    row = {"target": place[0], "machine": place[1], "since": now, "by": by}
    begun = _INSERT[connection.dialect.name](maintenance).values(row).on_conflict_do_nothing()
    return (await connection.execute(begun.returning(maintenance.c.target))).first() is not None


async def _end(connection: AsyncConnection, place: Place) -> bool:
    here = (maintenance.c.target == place[0]) & (maintenance.c.machine == place[1])
    return (await connection.execute(delete(maintenance).where(here))).rowcount > 0
