"""Attendance: who was at their own desktop of a course, from when to when. Made of visits; no I/O."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from jupyter_vnc.escaping import printable, spreadsheet_cell
from jupyter_vnc.exceptions import MalformedRequest

from .targets import Target
from .users import User

#: The columns of the CSV, which are the keys of a row.
COLUMNS: Final = ("user", "courses", "target", "machine", "server", "began", "ended", "seconds")


def courses_of(owner: User, target: Target) -> list[str]:
    """Return for which courses somebody is at a desktop: their groups, as far as the target is for them."""
    named = target.allow_groups or target.allow_users
    return sorted(owner.groups & target.allow_groups if named else owner.groups)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose attendance somebody may read.

    Attributes:
        everything: all of it.
        courses: those whose members they supervise.
        people: whom they supervise by name.
        managed: groups whose targets they manage; a target for anybody else is not theirs.
    """

    everything: bool = False
    courses: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    managed: frozenset[str] = frozenset()

    def courses_in(self, visit: Mapping[str, Any]) -> list[str] | None:
        """Return the courses of a visit that they may know of; None if the visit is not for them.

        Which other groups somebody is in is none of an instructor's business.
        """
        courses = visit.get("courses") or []
        if self.everything or (visit["groups"] and self.managed.issuperset(visit["groups"])):
            return list(courses)
        known = [course for course in courses if course in self.courses]
        return known if known or visit["user"] in self.people else None


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know: visits that touch the time from ``since`` until ``until`` (Unix time).

    Attributes:
        course: only of this group; empty for all.
        person: a part of the user's name, in upper or lower case.
    """

    since: float
    until: float
    course: str = ""
    person: str = ""

    @classmethod
    def read(cls, since: str, until: str, course: str = "", person: str = "") -> Question:
        """Read a request.

        Raises:
            MalformedRequest: the times are no times with an offset from UTC, or in the wrong order.
        """
        asked = cls(read_time(since), read_time(until), course, person.casefold())
        if asked.since >= asked.until:
            raise MalformedRequest("The time from which on is asked must be before the time until which is asked.")
        return asked

    def row(self, visit: Mapping[str, Any], reader: Reader, now: float) -> dict[str, Any] | None:
        """Return what an answer says of a visit at a time; None if it is not asked for, or not for the reader.

        Instructors who look in and guests attend nothing: only the owner of a desktop is at it.
        """
        if visit["user"] != visit["owner"] or self.person not in visit["user"].casefold():
            return None
        courses = reader.courses_in(visit)
        if courses is None or (self.course and self.course not in courses):
            return None
        began, ended = visit["began"], visit["ended"]
        return {
            **{key: visit.get(key) for key in ("session", "user", "target", "machine", "server")},
            "courses": courses,
            "began": _written(began),
            "ended": None if ended is None else _written(ended),
            "seconds": max(0, round((now if ended is None else ended) - began)),
        }


def read_time(text: str) -> float:
    """Return the Unix time of an ISO 8601 time with an offset from UTC.

    Raises:
        MalformedRequest: it is none.
    """
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.timestamp()
    except ValueError:
        pass
    raise MalformedRequest("A time must be of ISO 8601 with an offset from UTC, such as 2026-03-01T08:00:00Z.")


def _written(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows of answers as a table with a head; no cell is a formula to a spreadsheet."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row[column]) for column in COLUMNS] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    text = "; ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return spreadsheet_cell(printable(text))
