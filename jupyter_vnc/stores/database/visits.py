"""Visits in the database of the hub service: one for each session, which is open as long as the session lives."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from .clock import now
from .database import Database
from .tables import processes, visits

#: What inserts a row unless there is one, by the kind of database.
INSERT: Final[Mapping[str, Callable[..., Any]]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
#: The cause of a visit that no process has ended.
KILLED: Final = "The service was killed. The end is its last sign of life."
#: Seconds for which the visits of a process without a row are left alone.
YOUNG: Final = 60.0
#: Old visits that are deleted in one transaction.
STEP: Final = 1000
#: At most so many are read at once.
PAGE: Final = 500
#: Where a visit is among the others: its begin and its session.
Place = tuple[float, str]
#: The seconds of a day.
DAY: Final = 86400.0

#: The table again, for a question about the other visits of a visit's process.
_all = visits.alias()


@dataclass(frozen=True, slots=True)
class Visit:
    """What is known of a session when it begins or ends.

    Attributes:
        session: its id.
        began: Unix time.
        content: ``user``, ``owner``, ``target``, ``mode``, ``machine``; as ``groups`` those that the target is for,
            None if it is for others, too; as ``courses`` the owner's groups for which they were there; and ``server``,
            if the desktop is in the owner's own one.
        ended: Unix time; None while it lives.
        cause: why it ended, a sentence.
        moves: whether it may go on at another process, or go on after its end: a begin opens it again, and its end
            counts only where it was last.
    """

    session: str
    began: float
    content: Mapping[str, Any]
    ended: float | None = None
    cause: str = ""
    moves: bool = False


class VisitStore:
    """The table of visits.

    Args:
        database: which is open.
        process: the id of this process among those that share the database.
    """

    def __init__(self, database: Database, process: str) -> None:
        self._database = database
        self._process = process

    async def write(self, several: Iterable[Visit]) -> None:
        """Write visits that began or ended, in their order; a second time changes nothing.

        Raises:
            StoreUnavailable: the database does not answer; nothing was written, as far as it said.
        """
        async with self._database.writing() as connection:
            # The rows are locked in one order everywhere; the begin of a visit stays before its end.
            for visit in sorted(several, key=lambda one: one.session):
                await self._put(connection, visit)

    async def _put(self, connection: AsyncConnection, visit: Visit) -> None:
        what = {"ended": visit.ended, "content": json.dumps(visit.content), "cause": visit.cause}
        row = {"session": visit.session, "process": self._process, "began": visit.began, **what}
        put = INSERT[connection.dialect.name](visits).values(row)
        if visit.moves:
            here = None if visit.ended is None else visits.c.process == self._process
            set_ = what | {"process": self._process}
            put = put.on_conflict_do_update(index_elements=[visits.c.session], set_=set_, where=here)
        elif visit.ended is None:  # a late word of the begin must not open a visit again
            put = put.on_conflict_do_nothing()
        else:
            put = put.on_conflict_do_update(index_elements=[visits.c.session], set_=what)
        await connection.execute(put)

    async def end_those_left(self) -> None:
        """End the visits that processes have left open which are gone, with their last sign of life as the end.

        A process that shares the database has a row, unless it has only just begun: its visits are left alone for
        :data:`YOUNG` seconds.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        left = visits.c.ended.is_(None) & (visits.c.process != self._process)
        async with self._database.writing() as connection:
            if self._database.is_shared:
                left &= visits.c.process.not_in(select(processes.c.id)) & (visits.c.began < now(connection) - YOUNG)
            # In whatever order two processes find them, neither waits for the other.
            found = select(visits.c.session).where(left).with_for_update(skip_locked=True)
            end = select(func.max(func.coalesce(_all.c.ended, _all.c.began))).where(_all.c.process == visits.c.process)
            over = update(visits).where(visits.c.session.in_(found))
            await connection.execute(over.values(ended=end.scalar_subquery(), cause=KILLED))

    async def forget(self, days: float) -> int:
        """Delete the visits that ended more than so many days ago, by the database's clock; return how many.

        Each transaction deletes :data:`STEP` of them at most, so that nobody waits for it long.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        forgotten = count = await self._forget_some(days)
        while count == STEP:
            forgotten += (count := await self._forget_some(days))
        return forgotten

    async def _forget_some(self, days: float) -> int:
        async with self._database.writing() as connection:
            old = select(visits.c.session).where(visits.c.ended < now(connection) - days * DAY)
            some = old.limit(STEP).with_for_update(skip_locked=True)  # another process may delete the same ones
            return int((await connection.execute(delete(visits).where(visits.c.session.in_(some)))).rowcount)

    async def newest(
        self, after: Place | None = None, *, since: float = -math.inf, until: float = math.inf
    ) -> list[dict[str, Any]]:
        """Return up to :data:`PAGE` visits, the newest first.

        Args:
            after: the last one of the page before; None for the first page.
            since: Unix time; only those that had not ended by then.
            until: Unix time; only those that began before.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        query = select(visits).order_by(visits.c.began.desc(), visits.c.session).limit(PAGE)
        if after is not None:
            began, session = after
            older = (visits.c.began == began) & (visits.c.session > session)
            query = query.where((visits.c.began <= began) & ((visits.c.began < began) | older))
        if until < math.inf:
            query = query.where(visits.c.began < until)
        if since > -math.inf:
            query = query.where(visits.c.ended.is_(None) | (visits.c.ended > since))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return await asyncio.to_thread(_decoded, rows)


def place_of(row: Mapping[str, Any]) -> Place:
    """Return where a row is in the order of :meth:`VisitStore.newest`."""
    return row["began"], row["session"]


def _decoded(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {"session": row.session, **json.loads(row.content)}
        | {"began": row.began, "ended": row.ended, "cause": row.cause}
        for row in rows
    ]
