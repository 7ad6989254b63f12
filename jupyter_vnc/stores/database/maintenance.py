"""What is in maintenance, in the database."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import delete, insert, select

from jupyter_vnc.model.maintenance import Place

from .database import Database
from .tables import changes, maintenance


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

    async def put(self, place: Place, begins: bool, by: str, detail: str) -> bool:
        """Begin or end maintenance; return whether that changed anything.

        Args:
            place: what it is about.
            begins: whether it begins.
            by: who does this.
            detail: for the history, as JSON.

        Raises:
            StoreUnavailable: the database does not answer; nothing has changed.
        """
        target, machine = place
        here = (maintenance.c.target == target) & (maintenance.c.machine == machine)
        now = self._clock()
        async with self._database.writing() as connection:
            # Not read first: of two that do the same at once, the second must not fail or count.
            gone = (await connection.execute(delete(maintenance).where(here))).rowcount > 0
            if begins:
                row = {"target": target, "machine": machine, "since": now, "by": by}
                await connection.execute(insert(maintenance).values(row))
            if gone == begins:
                return False
            action = "maintain" if begins else "in service"
            said = {"at": now, "by": by, "action": action, "target": target, "detail": detail}
            await connection.execute(insert(changes).values(said))
        return True
