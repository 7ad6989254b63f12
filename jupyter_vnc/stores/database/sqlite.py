"""Connections to a SQLite file: who waits for whom, and what one that is given up leaves behind."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

#: For how long SQLite waits for another process, such as a command, that writes (seconds).
BUSY: Final = 5


class Connection(sqlite3.Connection):
    """One whose transaction ends with it.

    SQLite keeps a closed connection, and its locks, until its last statement is finalized, and here that is when the
    garbage collector comes: where somebody was cancelled between a statement that writes and its rows (``RETURNING``),
    nobody else could write until then.
    """

    def close(self) -> None:
        """Roll back what was not committed, and close."""
        try:
            if self.in_transaction:
                with suppress(sqlite3.Error):  # SQLite ends it anyway, if later
                    self.rollback()
        finally:
            super().close()


def engine(url: URL, **options: Any) -> AsyncEngine:
    """Make the engine of a file; further options are those of every engine."""
    made = create_async_engine(url, connect_args={"timeout": BUSY, "factory": Connection}, **options)
    event.listen(made.sync_engine, "connect", _connected)
    event.listen(made.sync_engine, "begin", _begin)
    return made


def _connected(connection: Any, _: Any) -> None:
    """Leave transactions to us (the driver begins none before the first change), and let readers not wait."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    """Begin: one that writes takes its turn at once, since it could not later if another one has written."""
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
