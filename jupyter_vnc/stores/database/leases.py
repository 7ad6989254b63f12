"""Leases and queues in the database of the hub service: all that has changed in one transaction, or nothing.

The rules are those of :mod:`jupyter_vnc.pools`, which hold the state in memory. Whoever saves locks one row, and looks
at its number: if another process has saved meanwhile, its rows are read first, and the changes of both are joined.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from jupyter_vnc.exceptions import ConfigError, StoreUnavailable
from jupyter_vnc.pools.lease_keeper import Adopt, LeaseKeeper, NotSaved, State
from jupyter_vnc.pools.presence import Present
from jupyter_vnc.system.logs import Log

from .bus import LEASES, announce
from .old_leases import OldLeases
from .processes import Processes
from .tables import digest_of, leases, pools, revisions

_KIND: Final = "leases"
#: What is kept of a pool besides its leases.
_REST: Final = ("queue", "set_aside", "freed")

#: Rows by their table and primary key.
Rows = dict[tuple[str, ...], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Saved:
    """What is in the database: the number of the last change, and the rows."""

    number: int
    rows: Rows


class DatabaseLeases(LeaseKeeper):
    """The state of all pools in the database.

    Args:
        processes: those that share the database, which is open.
        old: the file of a service that had no database.
        log: see :class:`LeaseKeeper`.
        state: see :class:`LeaseKeeper`.
        adopt: takes over what another process has saved; see :class:`.PoolManager`.
    """

    key = "VNCHub.db_url"
    place = "the database"

    def __init__(self, processes: Processes, old: OldLeases, log: Log, state: State, adopt: Adopt) -> None:
        super().__init__(log, state)
        self._processes = processes
        self._database = processes.database
        self._old = old
        self._adopt = adopt
        self._saved = Saved(0, {})

    async def load(self, parse: Callable[[Mapping[str, Any]], None]) -> None:
        """See :meth:`LeaseKeeper.load`. What an older version has in its file is taken over first, once.

        Raises:
            ConfigError: what is in the database or in the file is not valid, or another service uses the file.
            StoreUnavailable: the database does not answer.
        """
        try:
            old = await asyncio.to_thread(self._old.read)
            taken = await self._load(parse, old)
            if old is not None:
                await asyncio.to_thread(self._old.rename, taken=taken)
        finally:
            self._old.close()

    async def _load(self, parse: Callable[[Mapping[str, Any]], None], old: Mapping[str, Any] | None) -> bool:
        """Return whether the file's leases were taken over: only into a database that has never had any."""
        async with self._database.writing() as connection:
            number = await _locked(connection)
            saved = Saved(number, await _read(connection))
            if take := number == 0 and old is not None:
                await asyncio.to_thread(self._old.parse, parse, old)
                saved = await _write(connection, saved, await asyncio.to_thread(to_rows, old or {}))
            else:
                await self._parse(parse, saved.rows)
        self._saved = saved
        return take

    async def _parse(self, parse: Callable[[Mapping[str, Any]], None], rows: Rows) -> None:
        try:
            await asyncio.to_thread(lambda: parse(from_rows(rows)))
        except ValueError as error:
            raise ConfigError(f"{_broken(error)}; restore a backup, or delete all their rows", key=self.key) from None

    async def refresh(self) -> None:
        """See :meth:`LeaseKeeper.refresh`; hear and say who is there, too. A SQLite file has one process.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        if not self._database.is_shared or self._writing_now:
            return
        await self._processes.beat(self.here())
        if await self._is_behind():
            self.change()

    @property
    def _writing_now(self) -> bool:
        return self._writing is not None and not self._writing.done()

    async def _is_behind(self) -> bool:
        async with self._database.reading() as connection:
            number = await connection.scalar(select(revisions.c.number).where(revisions.c.kind == _KIND))
            elsewhere = await self._processes.others(connection)
        self.meet(elsewhere)
        return bool(number != self._saved.number)

    async def _store(self) -> None:
        try:
            async with self._database.writing() as connection:
                number = await _locked(connection)
                present = await self._greet(connection) if self._database.is_shared else None
                if number != self._saved.number:
                    await self._reread(connection, number)
                rows = await asyncio.to_thread(to_rows, self._state())
                saved = await _write(connection, self._saved, rows)
        except StoreUnavailable:
            raise NotSaved("the database does not answer") from None
        except IntegrityError:
            self._saved = Saved(-1, self._saved.rows)  # read all again
            raise NotSaved("the leases in the database have changed") from None
        except DataError as error:
            raise NotSaved(f"the database does not take the leases: {error.orig}") from None
        self._saved = saved
        if present is not None:
            self._processes.said(present)

    async def _greet(self, connection: AsyncConnection) -> Present:
        """Say who is here, in the transaction that says who waits: a waiter whom nobody knows to be there is absent."""
        present = self.here()
        await self._processes.say(connection, present)
        self.meet(await self._processes.others(connection))
        return present

    async def leave(self) -> None:
        """See :meth:`LeaseKeeper.leave`."""
        if self._database.is_shared:
            await self._processes.leave()

    async def _reread(self, connection: AsyncConnection, number: int) -> None:
        """Join the changes of another process with those of this one.

        The number grows with each change. A lower one is of a backup, or of tables that were made anew: what this
        process knows is newer, and users keep their machines.
        """
        theirs = Saved(number, await _read(connection))
        if number >= self._saved.number:
            try:
                self._adopt(from_rows(self._saved.rows), from_rows(theirs.rows))
            except ValueError as error:
                raise NotSaved(_broken(error)) from None
        self._saved = theirs


def _broken(error: ValueError) -> str:
    return f"the tables 'pools' and 'leases' of the database are not valid: {error}"


async def _locked(connection: AsyncConnection) -> int:
    """Return the number of the last change, and lock its row: others who want to save wait."""
    query = select(revisions.c.number).where(revisions.c.kind == _KIND).with_for_update()
    return int((await connection.execute(query)).scalar_one())


async def _read(connection: AsyncConnection) -> Rows:
    rows: Rows = {}
    for table in (pools, leases):
        for row in (await connection.execute(select(table))).mappings():
            rows[_key(table, row)] = dict(row)
    return rows


def _key(table: Table, row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (table.name, *(row[column.name] for column in table.primary_key))


async def _write(connection: AsyncConnection, saved: Saved, rows: Rows) -> Saved:
    """Write what differs. Rows are replaced, so that machines can change hands in any order."""
    if rows == saved.rows and saved.number:
        return saved
    for table in (pools, leases):
        columns = [column.name for column in table.primary_key]
        changed = [key for key in saved.rows if key[0] == table.name and rows.get(key) != saved.rows[key]]
        if gone := [{f"its_{name}": value for name, value in zip(columns, key[1:], strict=True)} for key in changed]:
            of = [table.c[name] == bindparam(f"its_{name}") for name in columns]
            await connection.execute(delete(table).where(*of), gone)
        if new := [row for key, row in rows.items() if key[0] == table.name and saved.rows.get(key) != row]:
            await connection.execute(insert(table), new)
    counted = update(revisions).where(revisions.c.kind == _KIND).values(number=saved.number + 1)
    await connection.execute(counted)
    await announce(connection, LEASES)
    return Saved(saved.number + 1, rows)


def to_rows(state: Mapping[str, Any]) -> Rows:
    """Return the rows of a state; a pool of which nothing is kept has none."""
    rows: Rows = {}
    for name, kept in state.items():
        if not any(kept.values()):
            continue
        pool = digest_of(name)
        rest = {"name": name, **{key: kept[key] for key in _REST}}
        rows[pools.name, pool] = {"pool": pool, "content": json.dumps(rest, sort_keys=True)}
        for lease in kept["leases"]:
            user, machine = digest_of(lease["user"]), digest_of(lease["key"])
            content = json.dumps(lease, sort_keys=True)
            rows[leases.name, pool, user] = {"pool": pool, "user": user, "machine": machine, "content": content}
    return rows


def from_rows(rows: Rows) -> dict[str, Any]:
    """Return the state that :func:`to_rows` was given.

    Raises:
        ValueError: they are not what that returned. What is in a pool is checked by :meth:`.Kept.from_json`.
    """
    try:
        contents = {row["pool"]: json.loads(row["content"]) for key, row in rows.items() if key[0] == pools.name}
        state = {kept["name"]: {"leases": [], **{key: kept[key] for key in _REST}} for kept in contents.values()}
        for key, row in rows.items():
            if key[0] == leases.name:
                state[contents[row["pool"]]["name"]]["leases"].append(json.loads(row["content"]))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    return state
