"""The connection to the database: opened, migrated, lost and found again without stopping the service."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from jupyter_vnc.exceptions import ConfigError, StoreUnavailable
from jupyter_vnc.system.locks import FileLock, LockedError
from jupyter_vnc.system.logs import Log, one_line

from . import sqlite
from .schema import migrate
from .urls import file_of

#: A transaction that takes longer is given up (seconds): the database is away.
TIMEOUT: Final = 10.0
#: Pause before a database that did not answer is asked again (seconds); until then the answer is known.
PAUSE: Final = 1.0
#: Transactions of this process at once that read, and that write. Further ones wait, which is not the database being
#: away. In SQLite one writes at a time: those that wait for its lock get it in no order, and the last one never.
CONNECTIONS: Final = 5

#: What notices that the other end of a connection is gone (seconds, tries, milliseconds): some firewalls forget one,
#: and a machine that is gone without a word answers nothing. What the address says itself counts more.
KEPT: Final = {
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": int(2 * TIMEOUT * 1000),
    "connect_timeout": 5,
}

_KEY: Final = "VNCHub.db_url"
_AWAY: Final = "The database does not answer. Try again in a moment."
#: SQLSTATE of PostgreSQL for what an account may not do.
_NOT_PERMITTED: Final = "42501"
#: And for two transactions of which only one could go on.
_IN_THE_WAY: Final = ("40P01", "40001")


class Database:
    """One database. While it is away, every use of it raises, and each next one tries again.

    Args:
        url: of SQLAlchemy; see :func:`~.urls.parse`.
        log: for the begin and the end of an outage.
    """

    def __init__(self, url: URL, log: Log) -> None:
        self._url = url
        self._log = one_line(log)
        self._file = file_of(url)
        self._engine: AsyncEngine | None = None
        self._lock: FileLock | None = None
        self._ready = False
        self._opening = asyncio.Lock()
        self._readers = asyncio.Semaphore(CONNECTIONS)
        self._writers = asyncio.Semaphore(CONNECTIONS if self._file is None else 1)
        self._ask_again = 0.0
        #: Called after each transaction: whether it writes, its seconds with the wait for its turn, and whether the
        #: database did not answer.
        self.observe: Callable[[bool, float, bool], None] = lambda writes, seconds, failed: None
        #: What is wrong with it at present; empty while it answers.
        self.trouble = ""

    @property
    def is_shared(self) -> bool:
        """Whether other processes of the service may use it."""
        return self._file is None

    @property
    def connection_options(self) -> dict[str, Any]:
        """What PostgreSQL's driver needs for one more connection."""
        assert self._engine is not None  # noqa: S101 - for the type checker
        return dict(self._engine.dialect.create_connect_args(self._url)[1])

    async def open(self, *, alone: bool = True) -> None:
        """Open it, and bring its tables up to date. One that does not answer is tried again when it is used.

        Args:
            alone: whether this process is the service, of which a SQLite file has one. A command is not.

        Raises:
            ConfigError: it cannot be used: its driver is missing, its file is in use or readable by others, or its
                tables are newer than this program, or cannot be made.
        """
        if self._file is not None:
            await asyncio.to_thread(self._prepare_file, self._file, alone)
        try:
            self._engine = _engine(self._url)
        except ImportError as error:
            raise ConfigError(f"needs a package that is not installed: {error}", key=_KEY) from None
        try:
            async with self._translated():
                await self._prepare()
        except StoreUnavailable:
            self._log.warning("The service starts without its database, and goes on trying.")
        except BaseException:
            await self.close()
            raise

    def _prepare_file(self, file: Path, alone: bool) -> None:
        """Make SQLite's file, for its owner only, and lock it. Its journal gets the same mode from SQLite."""
        try:
            if alone:
                real = file.resolve()  # a link to the same file has the same lock
                self._lock = FileLock(real.with_name(f"{real.name}.lock"))
                self._lock.take()
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600))
            status = file.stat()
        except LockedError as error:
            raise ConfigError(
                f"{file} is in use by {error.holder}. SQLite serves one process of the service; stop the other one, "
                "or use PostgreSQL",
                key=_KEY,
            ) from None
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}", key=_KEY) from None
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{file} is not a file", key=_KEY)
        if status.st_mode & 0o077:
            raise ConfigError(f"{file} can be read or changed by others: chmod 600 it", key=_KEY)

    async def close(self) -> None:
        """Close all connections, and let another process have the file."""
        if self._engine is not None:
            await self._engine.dispose()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def reading(self) -> Any:
        """A transaction that only reads.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        return self._transaction(writes=False)

    def writing(self) -> Any:
        """A transaction that writes: all of it, or nothing.

        Raises:
            StoreUnavailable: the database does not answer; nothing was written, as far as it said.
        """
        return self._transaction(writes=True)

    @asynccontextmanager
    async def _transaction(self, *, writes: bool) -> AsyncIterator[AsyncConnection]:
        begun, failed = time.monotonic(), False
        try:
            async with self._writers if writes else self._readers, self._translated():
                await self._prepare_again()
                assert self._engine is not None  # noqa: S101 - for the type checker
                options = {"writes": writes}
                async with asyncio.timeout(TIMEOUT), self._engine.execution_options(**options).begin() as connection:
                    yield connection
        except StoreUnavailable:
            failed = True
            raise
        finally:
            self.observe(writes, time.monotonic() - begun, failed)
        self._found()

    async def _prepare(self) -> None:
        """Bring the tables up to date, unless they are.

        Raises:
            ConfigError: they are newer than this program, or the account may not make them.
        """
        if not self._ready:
            async with self._opening:
                try:
                    await self._migrate()
                except DBAPIError as error:
                    if not _is_about_tables(error):
                        raise
                    raise ConfigError(self._refusal(error), key=_KEY) from None

    async def _prepare_again(self) -> None:
        """Bring the tables up to date while the service runs: then it waits until an administrator has fixed this.

        Raises:
            StoreUnavailable: they cannot be used.
        """
        try:
            await self._prepare()
        except ConfigError as error:
            trouble = error.message
            if trouble != self.trouble:
                self._log.error("The database %s cannot be used: %s. Open sessions continue.", self._where, trouble)
            self._lost(trouble)
            raise StoreUnavailable(_AWAY) from None

    def _refusal(self, error: DBAPIError) -> str:
        """Say why the tables cannot be made, and what to do."""
        sentence = f"the tables of the database cannot be made or brought up to date: {_first_line(error.orig)}"
        if _sqlstate(error) != _NOT_PERMITTED:
            return sentence
        grant = f"GRANT USAGE, CREATE ON SCHEMA public TO {self._url.username or '<account>'}"
        return f"{sentence}. In the database: {grant}; tables that are there already must belong to that account"

    async def _migrate(self) -> None:
        if self._ready:  # somebody else did it while this one waited
            return
        assert self._engine is not None  # noqa: S101 - for the type checker
        async with asyncio.timeout(TIMEOUT), self._engine.execution_options(writes=True).begin() as connection:
            if await connection.run_sync(migrate):
                self._log.info("The tables of the database are up to date now")
        self._ready = True

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Make one error of all ways in which a database can be away."""
        if self.trouble and asyncio.get_running_loop().time() < self._ask_again:
            raise StoreUnavailable(_AWAY)
        try:
            yield
        except (DataError, IntegrityError):
            raise  # of what one caller wanted to write: the database is not away for others
        except (DBAPIError, PoolTimeout, TimeoutError, OSError) as error:
            if _sqlstate(error) in _IN_THE_WAY:  # it answers: the next try may succeed, and others are not concerned
                self._log.warning("Two transactions of the database were in each other's way: one was given up")
                raise StoreUnavailable(_AWAY) from None
            if _is_about_tables(error):
                self._tables_are_gone()
            cause = error.orig if isinstance(error, DBAPIError) else error
            trouble = f"{type(cause).__name__}: {_first_line(cause)}"
            if not self.trouble:
                self._log.error("The database %s does not answer: %s. Open sessions continue.", self._where, trouble)
            self._lost(trouble)
            raise StoreUnavailable(_AWAY) from None

    def _tables_are_gone(self) -> None:
        """Note that they are not what they were, as after a restore: the next use brings them up to date again."""
        self._ready = False

    @property
    def _where(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def _lost(self, trouble: str) -> None:
        self.trouble = trouble
        self._ask_again = asyncio.get_running_loop().time() + PAUSE

    def _found(self) -> None:
        if self.trouble:
            self._log.info("The database answers again")
        self.trouble = ""


def _sqlstate(error: BaseException) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _first_line(error: object) -> str:
    return (str(error).splitlines() or [""])[0]


def _is_about_tables(error: Exception) -> bool:
    """Whether a statement did not fit the tables, or may not use them. SQLite has no error of its own for that."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return isinstance(error, ProgrammingError) or code == sqlite3.SQLITE_ERROR


def _engine(url: URL) -> AsyncEngine:
    """Make the engine; values of statements stay out of errors and logs."""
    common: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": True}
    if file_of(url) is None:
        # The second one ends the transaction of a client that is gone: others would wait for the rows that it has
        # locked until the operating system notices, which may take hours.
        timeouts = ("statement_timeout", "idle_in_transaction_session_timeout")
        options = " ".join(f"-c {name}={int(TIMEOUT * 1000)}" for name in timeouts)
        limits = {"options": options} | {name: value for name, value in KEPT.items() if name not in url.query}
        pool = {"pool_size": CONNECTIONS, "max_overflow": CONNECTIONS, "pool_timeout": 5}
        return create_async_engine(url, connect_args=limits, **pool, **common)
    return sqlite.engine(url, **common)
