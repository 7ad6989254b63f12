"""The bus: PostgreSQL tells every process at once that something has changed, and each looks what.

A notice names a kind of rows and has no content: what is in the rows counts. So a notice that is lost, while the
connection is down, is made up for by the next regular look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jupyter_vnc.system.logs import Log, one_line

from .database import KEPT, Database

#: The name of PostgreSQL's channel.
CHANNEL: Final = "jupyter_vnc"
#: Kinds of rows that are announced.
LEASES: Final = "leases"
MAINTENANCE: Final = "maintenance"
SESSIONS: Final = "sessions"
TARGETS: Final = "targets"
#: Pause before a connection that was lost is made again (seconds).
PAUSE: Final = 2.0


async def announce(connection: AsyncConnection, kind: str) -> None:
    """Tell all processes of a change of this transaction, once it is committed. With SQLite there is one process."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_notify(CHANNEL, kind)))


class Bus:
    """Listens for this process.

    Args:
        database: which is open.
        heard: what to call, by the kind of rows.
        log: for errors.
    """

    def __init__(self, database: Database, heard: Mapping[str, Callable[[], None]], log: Log) -> None:
        self._database = database
        self._heard = heard
        self._log = one_line(log)
        self._task: asyncio.Task[None] | None = None
        #: Whether notices come at present.
        self.listens = False
        self._failing = False

    def start(self) -> None:
        """Begin to listen, where there are others."""
        if self._database.is_shared:
            self._task = asyncio.create_task(self._run(), name="vnc-bus")

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - of a library and of a network
                if not self._failing:
                    self._log.debug("No notices come from the database (%s)", type(error).__name__)
                self._failing = True
            finally:
                self.listens = False
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        """Listen until the connection is lost.

        Raises:
            psycopg.Error: it is.
        """
        from psycopg import AsyncConnection as Connection  # noqa: PLC0415 - an extra

        options: dict[str, Any] = {**KEPT, **self._database.connection_options}
        async with await Connection.connect(**options, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.listens, self._failing = True, False
            for kind in self._heard:  # what came before
                self._heard[kind]()
            async for notice in connection.notifies():
                if (call := self._heard.get(notice.payload)) is not None:
                    call()
