"""Live sessions in the database: each process writes its own, and reads those of the others that live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from .bus import SESSIONS, announce
from .processes import Processes
from .tables import notices, revisions, sessions
from .visits import INSERT

_KIND = "sessions"

#: Contents of rows by the session's id.
Contents = Mapping[str, str]


class SessionRows:
    """The tables of live sessions and of notices about them.

    Args:
        processes: this one, and those that share the database.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._database = processes.database
        #: The number of the last change that was read, and the processes that lived.
        self._seen: tuple[int, frozenset[str]] | None = None
        self._process_of: dict[str, str] = {}

    async def admit(self, fits: Callable[[Contents], Contents]) -> None:
        """Add a row, if what it returns a session as ``fits`` still fits beside all others; newcomers wait here.

        Args:
            fits: gets what there is at other processes, and returns the row; if it raises, nothing is written.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.writing() as connection:
            number = await self._next(connection)
            await self._processes.introduce(connection)
            alive = await self._processes.alive(connection)
            row = fits(await self._read(connection, alive))
            await self._put(connection, row)
        self._seen = number, alive

    async def look(self) -> Contents | None:
        """Return the sessions at other processes that live; None if they are as at the last look.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.reading() as connection:
            number = await connection.scalar(select(revisions.c.number).where(revisions.c.kind == _KIND))
            seen = int(number or 0), await self._processes.alive(connection)
            if seen == self._seen:
                return None
            rows = await self._read(connection, seen[1])
        self._seen = seen
        return rows

    async def write(self, rows: Contents) -> None:
        """Replace this process's rows.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.writing() as connection:
            await self._next(connection)
            await self._processes.introduce(connection)
            mine = sessions.c.process == self._processes.id
            await connection.execute(delete(sessions).where(mine & sessions.c.id.not_in(list(rows))))
            await self._put(connection, rows)

    async def send(self, several: Iterable[tuple[str, str]]) -> None:
        """Write notices, each the session's id and its content; those about sessions that are over are dropped.

        Raises:
            StoreUnavailable: the database does not answer; none was written.
        """
        rows = [
            {"process": process, "session": session, "content": content}
            for session, content in several
            if (process := self._process_of.get(session)) is not None
        ]
        if rows:
            async with self._database.writing() as connection:
                await connection.execute(insert(notices), rows)
                await announce(connection, SESSIONS)

    async def take(self) -> list[tuple[str, str]]:
        """Take out the notices for this process, in their order.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        mine = notices.c.process == self._processes.id
        async with self._database.reading() as connection:
            if (await connection.execute(select(notices.c.id).where(mine).limit(1))).first() is None:
                return []
        async with self._database.writing() as connection:
            taken = await connection.execute(delete(notices).where(mine).returning(*notices.c))
            return [(row.session, row.content) for row in sorted(taken.all(), key=lambda row: row.id)]

    async def _next(self, connection: AsyncConnection) -> int:
        """Count a change, and announce it. The row stays locked until the end of the transaction."""
        await announce(connection, SESSIONS)
        counted = update(revisions).where(revisions.c.kind == _KIND).values(number=revisions.c.number + 1)
        return int((await connection.execute(counted.returning(revisions.c.number))).scalar_one())

    async def _read(self, connection: AsyncConnection, alive: frozenset[str]) -> Contents:
        rows = (await connection.execute(select(sessions).where(sessions.c.process.in_(list(alive))))).all()
        self._process_of = {row.id: row.process for row in rows}
        return {row.id: row.content for row in rows}

    async def _put(self, connection: AsyncConnection, rows: Contents) -> None:
        if rows:
            put = INSERT[connection.dialect.name](sessions).values(
                [{"id": key, "process": self._processes.id, "content": content} for key, content in rows.items()]
            )
            what = {"process": put.excluded.process, "content": put.excluded.content}
            await connection.execute(put.on_conflict_do_update(index_elements=[sessions.c.id], set_=what))
