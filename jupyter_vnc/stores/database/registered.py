"""Registered targets in the database: rows in, rows out. Whether a change is permitted and valid is asked elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jupyter_vnc.exceptions import EditConflict, NameTaken, TargetNotFound

from .bus import TARGETS, announce
from .database import Database
from .tables import changes, maintenance, revisions, targets

_KIND: Final = "targets"
#: Changes that are returned at most.
MOST_CHANGES: Final = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered target: ``keys`` without its secrets, which ``sealed`` has; ``changed_at`` in Unix time."""

    name: str
    version: int
    keys: Mapping[str, Any]
    sealed: str = field(repr=False)
    changed_at: float
    changed_by: str


@dataclass(frozen=True, slots=True)
class Write:
    """A target to save, or to remove if ``keys`` is None.

    ``expected`` is the version that must be there: 0 for none, None for whichever. ``detail`` is for the history.
    """

    name: str
    keys: Mapping[str, Any] | None
    sealed: str = field(default="", repr=False)
    expected: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class RegisteredTargets:
    """The tables of registered targets."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def revision(self) -> int:
        """Return a number that grows with each change."""
        async with self._database.reading() as connection:
            return await _revision(connection)

    async def all(self) -> tuple[int, list[Entry]]:
        """Return all targets in the order of their names, and the revision that they are."""
        async with self._database.reading() as connection:
            number = await _revision(connection)
            rows = await connection.execute(select(targets).order_by(targets.c.name))
            return number, [_entry(row) for row in rows]

    async def write(self, writes: Sequence[Write], by: str, action: str = "") -> dict[str, int]:
        """Make changes: all of them, or none; return the new version of each target, the same for all.

        Args:
            writes: at most one for a name.
            by: who makes them.
            action: for the history; by default what each one does.

        Raises:
            EditConflict: a target is not of the expected version any more.
            NameTaken: one that should not exist does.
            TargetNotFound: one that should be changed or removed does not exist.
        """
        names = [one.name for one in writes]
        async with self._database.writing() as connection:
            number = await _next(connection)
            found = await connection.execute(select(targets.c.name, targets.c.version).where(targets.c.name.in_(names)))
            there = {row.name: int(row.version) for row in found}
            for one in writes:
                _check(one, there.get(one.name))
            await self._apply(connection, writes, there.keys(), {"version": number, "changed_by": by})
            done = [(one, action or _deed(one, there)) for one in writes]
            rows = [{"by": by, "action": deed, "target": one.name, "detail": _json(one.detail)} for one, deed in done]
            if rows:
                await connection.execute(insert(changes), [row | {"at": self._clock()} for row in rows])
        return dict.fromkeys(names, number)

    async def _apply(
        self, connection: AsyncConnection, writes: Sequence[Write], there: Collection[str], what: Mapping[str, Any]
    ) -> None:
        """Write the rows; all new ones with one statement, because an import has thousands."""
        new = []
        for one in writes:
            if one.keys is None:
                await connection.execute(delete(targets).where(targets.c.name == one.name))
                # A target that is registered later under this name is another one.
                await connection.execute(delete(maintenance).where(maintenance.c.target == one.name))
                continue
            row = {**what, "keys": _json(one.keys), "secrets": one.sealed, "changed_at": self._clock()}
            if one.name in there:
                await connection.execute(update(targets).where(targets.c.name == one.name).values(row))
            else:
                new.append(row | {"name": one.name})
        if new:
            await connection.execute(insert(targets), new)

    async def reseal(self, again: Callable[[str, str], str], by: str) -> int:
        """Encrypt all secrets again, in one transaction; return of how many targets.

        Args:
            again: returns what to save for a target and what is saved; an error of it changes nothing.
            by: who does this.
        """
        async with self._database.writing() as connection:
            rows = (await connection.execute(select(targets.c.name, targets.c.secrets))).all()
            sealed = [(name, again(name, secrets)) for name, secrets in rows if secrets]
            await _next(connection)
            for name, secrets in sealed:
                await connection.execute(update(targets).where(targets.c.name == name).values(secrets=secrets))
            row = {"at": self._clock(), "by": by, "action": "rotate", "target": "", "detail": "{}"}
            await connection.execute(insert(changes).values(row))
        return len(sealed)

    async def history(self, target: str = "", *, most: int = MOST_CHANGES) -> list[dict[str, Any]]:
        """Return the last changes, the newest first, of one target or of all."""
        query = select(changes).order_by(changes.c.id.desc()).limit(most)
        if target:
            query = query.where(changes.c.target == target)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [dict(row) | {"detail": json.loads(row["detail"])} for row in rows]


def _check(one: Write, version: int | None) -> None:
    """Compare the version that is there with the one that is expected."""
    if version is None and (one.expected or one.keys is None):
        raise TargetNotFound("There is no such target any more: somebody has removed it.")
    if version is not None and one.expected == 0:
        raise NameTaken(f"There is a target {one.name!r} already.")
    if version is not None and one.expected not in (None, version):
        raise EditConflict


def _deed(one: Write, there: Collection[str]) -> str:
    return "remove" if one.keys is None else "change" if one.name in there else "add"


async def _revision(connection: AsyncConnection) -> int:
    return int(await connection.scalar(select(revisions.c.number).where(revisions.c.kind == _KIND)) or 0)


async def _next(connection: AsyncConnection) -> int:
    """Count a change. The row is locked until the end of the transaction, so changes are made one after the other."""
    counted = update(revisions).where(revisions.c.kind == _KIND).values(number=revisions.c.number + 1)
    await announce(connection, TARGETS)
    return int((await connection.execute(counted.returning(revisions.c.number))).scalar_one())


def _entry(row: Any) -> Entry:
    return Entry(row.name, row.version, json.loads(row.keys), row.secrets, row.changed_at, row.changed_by)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
