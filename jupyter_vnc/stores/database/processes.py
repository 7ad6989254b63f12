"""The processes of a service: each says in its row that it lives and who is there, and hears the others."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import socket
import time
from typing import Final

from sqlalchemy import case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jupyter_vnc.pools.presence import BEAT, DEAD, Present, is_alive
from jupyter_vnc.system.logs import Log, one_line
from jupyter_vnc.throttling import Clock

from .clock import now
from .database import Database
from .tables import MAX_USER, logins, notices, processes, sessions, visits
from .visits import INSERT, KILLED

#: After a longer pause between two of its own words a process has heard nothing meanwhile, either (seconds).
_BREAK: Final = DEAD / 2


class Processes:
    """This process among those that share a database. With SQLite it is alone, and nothing is written.

    Args:
        database: which they share.
        log: for one that died.
        clock: measures pauses.
    """

    def __init__(self, database: Database, log: Log, clock: Clock = time.monotonic) -> None:
        self.database = database
        self._log = one_line(log)
        self._clock = clock
        #: Names this process to the others; another one each time that the service starts.
        self.id = secrets.token_hex(16)
        self._last, self._said = Present(), ""
        self._said_at = -math.inf
        self._listening_since = math.inf
        #: Whether others may have taken this process for dead, and have given its places to somebody; whoever has put
        #: that right says so here.
        self.was_away = False
        self._beating = asyncio.Lock()

    async def beat(self, present: Present) -> None:
        """Say who is here, if that is news or due, and clear away what is left of processes that died.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._beating:
            await self._beat(present)

    async def _beat(self, present: Present) -> None:
        if present.encode() == self._said and self._clock() - self._said_at < BEAT:
            return
        async with self.database.writing() as connection:
            await self.say(connection, present)
            await self._bury(connection)
        self.said(present)

    async def say(self, connection: AsyncConnection, present: Present) -> None:
        """Say who is here in a transaction; :meth:`said` is called once it is committed."""
        what = {"seen": now(connection), "present": present.encode()}
        lives = (processes.c.id == self.id) & (now(connection) - processes.c.seen <= DEAD)
        if not (await connection.execute(update(processes).where(lives).values(what))).rowcount:
            # The first word, or others took this process for dead.
            self.was_away = True
            name = f"process {os.getpid()} on {socket.gethostname()}"[:MAX_USER]
            first = INSERT[connection.dialect.name](processes).values(id=self.id, name=name, **what)
            # Another transaction of this process may say its first word at the same time.
            await connection.execute(first.on_conflict_do_update(index_elements=[processes.c.id], set_=what))
            mistaken = (visits.c.process == self.id) & (visits.c.cause == KILLED)
            await connection.execute(update(visits).where(mistaken).values(ended=None, cause=""))

    async def introduce(self, connection: AsyncConnection) -> None:
        """Make sure in a transaction that this process has a row: without one, nothing of it counts."""
        if not self._said or self._clock() - self._said_at > DEAD:
            await self.say(connection, self._last)

    async def go_on(self) -> None:
        """Say that this process lives, if nobody has for a while: while leases cannot be kept, nobody does.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._beating:
            if self._clock() - self._said_at > BEAT + 1:
                await self._beat(self._last)

    def said(self, present: Present) -> None:
        """Note that the others know who is here."""
        at = self._clock()
        if at - self._said_at > _BREAK:
            self._listening_since = at
        self._last, self._said, self._said_at = present, present.encode(), at

    async def others(self, connection: AsyncConnection) -> Present:
        """Return who is at the other processes that live."""
        silent = now(connection) - processes.c.seen
        rows = await connection.execute(
            select(processes.c.present, silent.label("silent")).where(processes.c.id != self.id)
        )
        everybody = Present()
        for row in rows:
            if is_alive(row.silent, self._listened):
                everybody |= self._decoded(row.present)
        return everybody

    async def alive(self, connection: AsyncConnection) -> frozenset[str]:
        """Return the ids of the other processes that live."""
        silent = now(connection) - processes.c.seen
        rows = await connection.execute(select(processes.c.id, silent.label("silent")).where(processes.c.id != self.id))
        return frozenset(row.id for row in rows if is_alive(row.silent, self._listened))

    def _decoded(self, text: str) -> Present:
        try:
            return Present.decode(text)
        except ValueError:  # of another version: it lives, and its users are not known
            return Present()

    @property
    def _listened(self) -> float:
        at = self._clock()
        return at - self._listening_since if at - self._said_at <= _BREAK else 0.0

    async def _bury(self, connection: AsyncConnection) -> None:
        """Delete the rows of processes that are dead. One that was only held up writes its row again."""
        if self._listened <= DEAD:
            return
        silent = now(connection) - processes.c.seen
        # In whatever order two processes find them, neither waits for the other.
        dead = select(processes.c.id).where(silent > DEAD, processes.c.id != self.id).with_for_update(skip_locked=True)
        gone = delete(processes).where(processes.c.id.in_(dead)).returning(*processes.c)
        for one in (await connection.execute(gone)).all():
            self._log.warning("Another process of the service is dead: %s was silent for %.0f s", one.name, DEAD)
            left = visits.c.ended.is_(None) & (visits.c.process == one.id)
            end = case((visits.c.began > one.seen, visits.c.began), else_=one.seen)
            await connection.execute(update(visits).where(left).values(ended=end, cause=KILLED))
            await self._clear(connection, one.id)
        for table in (sessions, notices):
            nobodys = table.c.process.not_in(select(processes.c.id))
            await connection.execute(delete(table).where(nobodys))

    async def leave(self) -> None:
        """Tell the others at the end that nobody is here any more.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self.database.writing() as connection:
            await connection.execute(delete(processes).where(processes.c.id == self.id))
            await self._clear(connection, self.id)

    async def _clear(self, connection: AsyncConnection, process: str) -> None:
        """Delete the sessions of a process, the notices for it, and its turns at logins."""
        for table in (sessions, notices, logins):
            await connection.execute(delete(table).where(table.c.process == process))
