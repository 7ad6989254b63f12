"""The gate of each server over all processes of the service: a VNC server must not be met by several."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jupyter_vnc.connect.gate import HANDSHAKES_AT_ONCE, OPEN_FOR, REFUSALS, Gate, Turn, busy, paused
from jupyter_vnc.exceptions import StoreUnavailable, VNCError

from .clock import now
from .processes import Processes
from .tables import digest_of, logins, refusals
from .visits import INSERT

#: Refused logins that are further apart are not in a row (seconds).
WINDOW: Final = 600.0
#: Bounds of the pause before one looks again for a turn (seconds).
PAUSE: Final = (0.05, 0.15)
#: The database has so much time for an answer at least (seconds), however long others were logging in.
LEAST: Final = 1.0
#: Timeout for giving turns back at the end (seconds).
LAST_WRITE: Final = 5.0


_LATE: Final = "The database does not answer in time. Try again in a moment."


@dataclass(slots=True)
class _Asking:
    """Whoever asks for a turn at a server, and the question: its answer may come when they are gone."""

    key: str
    holder: str
    take: asyncio.Future[bool] | None = None


class DatabaseGate(Gate):
    """Turns and refusals of all processes, in the database and by its clock.

    A turn is a row that counts for as long as its login may take, so that one of a process that was killed is over
    soon; it goes with the process's other rows, too.

    Args:
        processes: this one, and those that share the database.
    """

    def __init__(self, processes: Processes) -> None:
        super().__init__()
        self._processes = processes
        self._database = processes.database
        #: Turns that are given back at present.
        self._ending: set[asyncio.Task[None]] = set()
        #: Since when the database is asked for turns, by their holders (the event loop's time).
        self._asked: dict[str, float] = {}

    async def close(self) -> None:
        """Wait until all turns are given back, or the database has had its time; they are over by themselves."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=LAST_WRITE)

    async def check(self, key: str) -> None:
        """See :meth:`.Gate.check`.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.reading() as connection:
            await self._check(connection, key)

    async def _check(self, connection: AsyncConnection, key: str) -> None:
        wait = select(refusals.c.open_until - now(connection)).where(refusals.c.server == digest_of(key))
        if (left := float(await connection.scalar(wait) or 0.0)) > 0:
            raise paused(left, key)

    def overdue(self, key: str) -> VNCError:
        """See :meth:`.Gate.overdue`: where they waited for the database, the server has nothing to do with it."""
        late = asyncio.get_running_loop().time() - LEAST
        return StoreUnavailable(_LATE) if any(since <= late for since in self._asked.values()) else busy(key)

    @asynccontextmanager
    async def turn(self, key: str, deadline: float, longest: float) -> AsyncIterator[Turn]:
        """See :meth:`.Gate.turn`. Whoever waits gets a turn in no order, within this process one after the other.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        asking, turn = _Asking(key, secrets.token_hex(8)), Turn()
        try:
            while not await self._ask(asking, turn, deadline, longest):
                pause = random.uniform(*PAUSE)  # noqa: S311 - jitter
                if asyncio.get_running_loop().time() + pause > deadline + turn.waited:
                    raise busy(key)
                await asyncio.sleep(pause)
            yield turn
        finally:  # nobody waits for that: neither the server that has just been logged in to, nor a viewer that is gone
            task = asyncio.create_task(self._give_back(asking, turn), name=f"vnc-turn-{asking.holder}")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _ask(self, asking: _Asking, turn: Turn, deadline: float, longest: float) -> bool:
        """Ask for a turn once. A cancelled caller leaves the question to :meth:`_give_back`.

        Raises:
            StoreUnavailable: the database does not answer in time.
        """
        loop = asyncio.get_running_loop()
        asking.take = take = asyncio.ensure_future(self._take(asking.key, asking.holder, longest))
        begun = loop.time()
        self._asked[asking.holder] = begun
        try:
            await asyncio.wait([take], timeout=max(LEAST, deadline + turn.waited - begun))
        finally:
            del self._asked[asking.holder]
        if not take.done():
            raise StoreUnavailable(_LATE)
        turn.waited += loop.time() - begun
        return take.result()

    async def _give_back(self, asking: _Asking, turn: Turn) -> None:
        """Give back what was asked for, and note how the login ended. Without the database, it is over by itself."""
        if (take := asking.take) is None:
            return
        await asyncio.wait([take])
        if take.exception() is None and not take.result():
            return
        with suppress(StoreUnavailable):
            await self._end(asking.key, asking.holder, turn)

    async def _take(self, key: str, holder: str, longest: float) -> bool:
        async with self._database.writing() as connection:
            if not await self._take_one(connection, key, holder, longest):
                return False
            # Only now: whoever had the turn before may have been refused.
            await self._check(connection, key)
            return True

    async def _take_one(self, connection: AsyncConnection, key: str, holder: str, longest: float) -> bool:
        for slot in range(HANDSHAKES_AT_ONCE):
            what = {"holder": holder, "process": self._processes.id, "until": now(connection) + longest}
            row = INSERT[connection.dialect.name](logins).values(server=digest_of(key), slot=slot, **what)
            is_over = logins.c.until < now(connection)
            taken = row.on_conflict_do_update(index_elements=[*logins.primary_key], set_=what, where=is_over)
            if (await connection.execute(taken.returning(logins.c.slot))).first() is not None:
                return True
        return False

    async def _end(self, key: str, holder: str, turn: Turn) -> None:
        server = digest_of(key)
        async with self._database.writing() as connection:
            mine = (logins.c.server == server) & (logins.c.holder == holder)
            await connection.execute(delete(logins).where(mine))
            if turn.refused:
                await _count(connection, server)
            elif turn.refused is not None:
                await connection.execute(delete(refusals).where(refusals.c.server == server))


async def _count(connection: AsyncConnection, server: str) -> None:
    """Count a refused login; see :meth:`.Breaker.failed`."""
    at, row = now(connection), refusals.c
    first: dict[str, Any] = {"count": 1, "last": at, "open_until": 0.0}
    more = {"count": case((at - row.last > WINDOW, 1), else_=row.count + 1), "last": at}
    put = INSERT[connection.dialect.name](refusals).values(server=server, **first)
    counted = put.on_conflict_do_update(index_elements=[row.server], set_=more).returning(row.count)
    if int((await connection.execute(counted)).scalar_one()) >= REFUSALS:
        # One trial after the pause: if that is refused, the next pause begins at once.
        opened = {"count": REFUSALS - 1, "open_until": at + OPEN_FOR}
        await connection.execute(update(refusals).where(row.server == server).values(opened))
    # Somebody who counts at another server has locked its row, and may want to delete this one.
    old = select(row.server).where(at - row.last > WINDOW).with_for_update(skip_locked=True)
    await connection.execute(delete(refusals).where(row.server.in_(old)))
