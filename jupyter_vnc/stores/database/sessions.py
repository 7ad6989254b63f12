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
#: Notices: each the session's id, and its content.
Notices = Iterable[tuple[str, str]]


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

    async def admit(self, fits: Callable[[Contents], tuple[Contents, Notices]]) -> None:
        """Add a row, if what it returns a session as ``fits`` still fits beside all others; newcomers wait here.

        Args:
            fits: gets what there is at other processes, and returns the row, and notices for those who make way, which
                are written with it or not at all; if it raises, nothing is written.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.writing() as connection:
            number, alive, others = await self._alone(connection)
            row, ends = fits(others)
            await self._put(connection, row)
            await self._post(connection, ends)
        self._seen = number, alive

    async def rejoin(self, stay: Callable[[Contents], Contents]) -> None:
        """Replace this process's rows, after others may have taken it for dead; newcomers wait here.

        Args:
            stay: gets what there is at other processes by now, and returns the rows of those that stay beside it.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.writing() as connection:
            number, alive, others = await self._alone(connection)
            await self._replace(connection, stay(others))
        self._seen = number, alive

    async def _alone(self, connection: AsyncConnection) -> tuple[int, frozenset[str], Contents]:
        """Let no other process change sessions until the end of the transaction; return what there is at others."""
        number = await self._next(connection)
        await self._processes.introduce(connection)
        alive = await self._processes.alive(connection)
        return number, alive, await self._read(connection, alive)

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
            await self._replace(connection, rows)

    async def _replace(self, connection: AsyncConnection, rows: Contents) -> None:
        mine = sessions.c.process == self._processes.id
        await connection.execute(delete(sessions).where(mine & sessions.c.id.not_in(list(rows))))
        await self._put(connection, rows)

    async def send(self, several: Notices) -> None:
        """Write notices; those about sessions that are over are dropped.

        Raises:
            StoreUnavailable: the database does not answer; none was written, as far as it said.
        """
        if any(session in self._process_of for session, _ in several):
            async with self._database.writing() as connection:
                await self._post(connection, several)
                await announce(connection, SESSIONS)

    async def _post(self, connection: AsyncConnection, several: Notices) -> None:
        rows = [
            {"process": process, "session": session, "content": content}
            for session, content in several
            if (process := self._process_of.get(session)) is not None
        ]
        if rows:
            await connection.execute(insert(notices), rows)

    async def waiting(self) -> list[tuple[int, str, str]]:
        """Return the notices for this process in their order: the number, the session's id, and the content of each.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        query = select(notices).where(notices.c.process == self._processes.id).order_by(notices.c.id)
        async with self._database.reading() as connection:
            return [(row.id, row.session, row.content) for row in (await connection.execute(query)).all()]

    async def forget(self, numbers: Iterable[int]) -> None:
        """Delete notices that were heeded.

        Raises:
            StoreUnavailable: the database does not answer; they may come again.
        """
        async with self._database.writing() as connection:
            await connection.execute(delete(notices).where(notices.c.id.in_(list(numbers))))

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
