"""The history of visits: written when sessions begin and end, kept for some time, and shown to those who manage."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.handlers import vnc_errors
from jupyter_vnc.model.attendance import courses_of
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.routes import Route
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.visits import PAGE, Visit, VisitStore, place_of
from jupyter_vnc.system.logs import Log, one_line

from .editor import Editor
from .registry.handlers import RegistryAPIHandler, editor_of, written

#: At most so many begins and ends wait for a database that is away; the oldest are lost first.
MOST_WAITING: Final = 10_000
#: Begins and ends that are written in one transaction.
CHUNK: Final = 200
#: Pause before a database that did not answer is tried again (seconds).
PAUSE: Final = 1.0
#: How often old visits are deleted (seconds).
FORGET_EVERY: Final = 3600.0
#: How often the visits are ended that processes have left which are gone, where there are several (seconds).
END_EVERY: Final = 60.0
#: Timeout for writing the last ends when the service stops (seconds).
LAST_WRITE: Final = 5.0
#: The longest cause that is kept (characters).
MAX_CAUSE: Final = 200
#: The most visits in an answer.
MOST_SHOWN: Final = 500
#: The most pages that are read for an answer: those of a quiet course may be far behind those of others.
MOST_PAGES: Final = 200


class Visits:
    """Writes the visits of this process. No session waits for it.

    Args:
        processes: those that share the database.
        days: for how long visits are kept; with 0 none is written, and those that are left from before are deleted.
        log: for errors.
    """

    def __init__(self, processes: Processes, days: float, log: Log) -> None:
        self._store = VisitStore(processes.database, processes.id)
        self._alone = not processes.database.is_shared
        self._days = days
        self._log = one_line(log)
        self._waiting: deque[Visit] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._end_at = self._forget_at = 0.0
        self._failing = False

    @property
    def kept_days(self) -> float:
        """For how long visits are kept; with 0 none is written."""
        return self._days

    @property
    def store(self) -> VisitStore:
        """The table."""
        return self._store

    def begin(self, session: Session) -> None:
        """Note that a session has a picture."""
        self.note(_visit(session))

    def end(self, session: Session, reason: str) -> None:
        """Note that a session ended, and why."""
        self.note(_visit(session, time.time(), printable(reason, MAX_CAUSE)))

    def note(self, visit: Visit) -> None:
        """Note a begin or an end."""
        if self._days:
            self._waiting.append(visit)
            self._news.set()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="vnc-visits")

    async def close(self) -> None:
        """Write what waits, and stop. A database that is away for a moment is tried again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WRITE):
                await self._write_the_last()
        if self._waiting:
            self._log.warning("Visits were not saved: %d begins or ends are lost", len(self._waiting))

    async def _write_the_last(self) -> None:
        while self._waiting:
            try:
                await self._write()
            except StoreUnavailable:
                await asyncio.sleep(PAUSE / 4)

    async def _run(self) -> None:
        while True:
            try:
                await self._write()
                await self._tidy()
            except StoreUnavailable:  # the database says so itself
                await asyncio.sleep(PAUSE)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(FORGET_EVERY if self._alone else END_EVERY):
                    await self._news.wait()

    async def _tidy(self) -> None:
        try:
            await self._clear()
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - tried again later, and visits are written meanwhile
            if not self._failing:
                self._log.exception("Old visits could not be deleted, or those that are left not be ended")
            self._failing, later = True, time.monotonic() + END_EVERY
            self._end_at, self._forget_at = max(self._end_at, later), max(self._forget_at, later)

    async def _clear(self) -> None:
        """End what processes have left that are gone, and delete what is old, from time to time."""
        if (now := time.monotonic()) >= self._end_at:
            await self._store.end_those_left()
            self._end_at = now + (math.inf if self._alone else END_EVERY)
        if now >= self._forget_at:
            await self._store.forget(self._days)
            self._forget_at, self._failing = now + FORGET_EVERY, False

    async def _write(self) -> None:
        """Write what waits, in transactions of :data:`CHUNK`. What the database does not take is lost alone.

        Raises:
            StoreUnavailable: the database does not answer; what was not written waits.
        """
        self._news.clear()
        while several := [*islice(self._waiting, CHUNK)]:
            try:
                await self._store.write(several)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001 - the next ones may be written
                self._log.exception("Visits could not be saved: %d begins or ends are lost", len(several))
            for visit in several:  # unless the deque was full meanwhile, and has lost them itself
                if self._waiting and self._waiting[0] is visit:
                    self._waiting.popleft()

    async def seen_by(self, editor: Editor) -> list[dict[str, Any]]:
        """Return the last visits at the targets that somebody manages, the newest first.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        seen: list[dict[str, Any]] = []
        page: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            page = await self._store.newest(place_of(page[-1]) if page else None)
            seen += [row for row in page if editor.sees({"allow_groups": row["groups"]})]
            if len(page) < PAGE or len(seen) >= MOST_SHOWN:
                break
        return [_shown(row) for row in seen[:MOST_SHOWN]]


def _visit(session: Session, ended: float | None = None, cause: str = "") -> Visit:
    target = session.target
    content: dict[str, Any] = {
        "user": session.user.name,
        "owner": session.owner.name,
        "target": target.name,
        "mode": session.mode.value,
        "machine": session.machine or None,
        "groups": None if target.allow_users else sorted(target.allow_groups),
        "courses": courses_of(session.owner, target),
    }
    if target.address.server is not None:
        content["server"] = target.address.server
    began = session.seen_at or session.since
    return Visit(session.id, began.timestamp(), content, ended, cause)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    ended = None if row["ended"] is None else written(row["ended"])
    return {key: value for key, value in row.items() if key not in {"groups", "courses"}} | {
        "began": written(row["began"]),
        "ended": ended,
    }


class VisitsHandler(RegistryAPIHandler):
    """``GET api/visits``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the last visits at the targets that the visitor manages."""
        visits: Visits = self.settings["vnc_visits"]
        self.answer(await visits.seen_by(editor_of(self)))


VISIT_ROUTES: Final[list[Route]] = [(r"/api/visits", VisitsHandler, {})]
