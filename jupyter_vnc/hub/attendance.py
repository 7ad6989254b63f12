"""Attendance: the page, its rows and the CSV, for instructors and for those who manage targets."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any, Final, cast

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_vnc.exceptions import MalformedRequest, NotPermitted
from jupyter_vnc.handlers import VNCAPIHandler, VNCHandler, vnc_errors
from jupyter_vnc.model.attendance import Question, Reader, as_csv
from jupyter_vnc.pages import VNCPageHandler
from jupyter_vnc.routes import Route
from jupyter_vnc.stores.database.visits import PAGE, Place, VisitStore, place_of

from .identity import HubVisitor
from .visits import Visits

#: Rows of one answer.
MOST: Final = 200
#: Pages of the table that are read for one answer; what is behind them is for the next.
PAGES: Final = 40
#: The most rows of a CSV, and the most pages that are read for it.
MOST_IN_FILE: Final = 20_000
PAGES_OF_FILE: Final = 400
#: The longest name of a course or a part of a user's name (characters).
MAX_NAME: Final = 255
#: Where an answer ended, as the next request has it.
_PLACE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)-([0-9a-f]{16})")


class Attendance:
    """Answers from the table of visits.

    Args:
        store: the table.
        clock: the time, for visits that have not ended.
    """

    def __init__(self, store: VisitStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def rows(
        self, question: Question, reader: Reader, after: Place | None = None, *, most: int = MOST, pages: int = PAGES
    ) -> tuple[list[dict[str, Any]], Place | None]:
        """Return up to so many rows, the newest first, and where to go on; None at the end.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        found: list[dict[str, Any]] = []
        now = self._clock()
        for _ in range(pages):
            page = await self._store.newest(after, since=question.since, until=question.until)
            for visit in page:
                after = place_of(visit)
                if (row := question.row(visit, reader, now)) is not None:
                    found.append(row)
                    if len(found) == most:
                        return found, after
            if len(page) < PAGE:
                return found, None
        return found, after

    async def csv(self, question: Question, reader: Reader) -> str:
        """Return all of it as a file.

        Raises:
            MalformedRequest: it would be too long.
            StoreUnavailable: the database does not answer.
        """
        # One more, or nobody would know whether the last one that is permitted was the last of all.
        rows, more = await self.rows(question, reader, most=MOST_IN_FILE + 1, pages=PAGES_OF_FILE)
        if more is not None or len(rows) > MOST_IN_FILE:
            raise MalformedRequest("There are too many visits for one file. Choose fewer days.")
        # Of so many rows it takes long enough for sessions to notice.
        return await asyncio.to_thread(as_csv, rows)


def reader_of(handler: VNCHandler) -> Reader:
    """Return whose attendance the visitor may read.

    Raises:
        NotPermitted: nobody's.
    """
    visitor = cast("HubVisitor", handler.visitor())
    editor, rights = visitor.editor, visitor.rights
    if editor is None and not visitor.oversees_somebody:
        raise NotPermitted("This page is for instructors, and for those who manage remote desktops.")
    everything = visitor.oversees_everybody or (editor is not None and editor.groups is None)
    managed = editor.groups if editor is not None and editor.groups is not None else frozenset[str]()
    return Reader(everything, rights.overseen_groups, rights.overseen_people, managed)


def written_place(place: Place | None) -> str | None:
    """Write where an answer ended; None at the end."""
    return None if place is None else f"{place[0]!r}-{place[1]}"


def read_place(text: str) -> Place | None:
    """Read where an answer ended; empty text for the begin.

    Raises:
        MalformedRequest: no answer said so.
    """
    found = _PLACE.fullmatch(text)
    if text and found is None:
        raise MalformedRequest("after must be the next of an answer.")
    return None if found is None else (float(found[1]), found[2])


class AttendancePage(VNCPageHandler):
    """``GET {root}attendance``: who was at which desktop of a course."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Show the page; its script loads the content."""
        reader_of(self)
        visitor = cast("HubVisitor", self.visitor())
        self.page("attendance.html", room=visitor.oversees_somebody, manages=visitor.manages_targets)


class AttendanceHandler(VNCAPIHandler):
    """``GET {root}api/attendance``: rows, or with ``format=csv`` a file."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List who was at their desktop, of those whose attendance the visitor may read."""
        reader = reader_of(self)
        question = Question.read(*(self._said(key) for key in ("since", "until", "course", "person")))
        visits: Visits = self.settings["vnc_visits"]
        attendance = Attendance(visits.store)
        if self._said("format") == "csv":
            self._send_file(await attendance.csv(question, reader))
            return
        rows, place = await attendance.rows(question, reader, read_place(self._said("after")))
        courses = sorted({*reader.courses, *reader.managed, *(one for row in rows for one in row["courses"])})
        said = {"rows": rows, "next": written_place(place), "courses": courses, "kept_days": visits.kept_days}
        self.answer(said)

    def _said(self, key: str) -> str:
        return self.get_query_argument(key, "")[:MAX_NAME]

    def _send_file(self, text: str) -> None:
        self.set_header("Content-Disposition", 'attachment; filename="jupyter-vnc-attendance.csv"')
        self.finish(text, set_content_type="text/csv; charset=utf-8")


ATTENDANCE_ROUTES: Final[list[Route]] = [
    (r"/attendance", AttendancePage, {}),
    (r"/api/attendance", AttendanceHandler, {}),
]
