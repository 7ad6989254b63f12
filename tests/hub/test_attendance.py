"""Attendance from the table of visits: pages that miss nothing, bounds, and the file."""

import csv
import io
import logging
import threading

import pytest

from jupyter_vnc.exceptions import MalformedRequest
from jupyter_vnc.hub import attendance as hub_attendance
from jupyter_vnc.hub.attendance import Attendance, read_place, written_place
from jupyter_vnc.hub.scopes import ADMIN, VIEW, Rights
from jupyter_vnc.model.attendance import Question, Reader
from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database import visits as stored
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.visits import Visit, VisitStore

LOG = logging.getLogger("tests.attendance")
PAGE = 4
BEGIN = 1_772_352_000.0
DAY = Question(BEGIN, BEGIN + 86400)
ROOT, OF_A = Reader(everything=True), Reader(courses=frozenset({"course-a"}))


@pytest.fixture
def attendance(tmp_path, jp_asyncio_loop, monkeypatch):
    """What twelve of the one course and twelve of the other have left, in pages of four."""
    monkeypatch.setattr(stored, "PAGE", PAGE)
    monkeypatch.setattr(hub_attendance, "PAGE", PAGE)
    database = Database(urls.parse(f"sqlite:///{tmp_path}/vnc.sqlite"), LOG)

    async def fill():
        await database.open()
        await VisitStore(database, "here").write([visit(number) for number in range(24)])

    jp_asyncio_loop.run_until_complete(fill())
    yield Attendance(VisitStore(database, ""), clock=lambda: BEGIN + 3600)
    jp_asyncio_loop.run_until_complete(database.close())


def visit(number):
    name, course = f"user{number:02}", "course-a" if number % 2 else "course-b"
    content = {"user": name, "owner": name, "target": "lab", "mode": "control", "machine": None, "groups": [course]}
    return Visit(f"{number:016x}", BEGIN + number // 3, content | {"courses": [course]}, BEGIN + 1800)


async def read(attendance, reader, **bounds):
    """Read all pages; return the users of each."""
    after, pages = None, []
    for _ in range(50):
        rows, after = await attendance.rows(DAY, reader, after, **bounds)
        pages.append([row["user"] for row in rows])
        if after is None:
            return pages
        after = read_place(written_place(after))
    raise AssertionError("there is no end")


@pytest.mark.parametrize("bounds", [{}, {"most": 5}, {"most": 1}, {"pages": 1}, {"most": 3, "pages": 2}])
@pytest.mark.parametrize(("reader", "step"), [(ROOT, 1), (OF_A, 2)])
async def test_the_pages_together_have_each_visit_once(attendance, bounds, reader, step):
    pages = await read(attendance, reader, **bounds)
    assert all(len(page) <= bounds.get("most", 24) for page in pages)
    found = [name for page in pages for name in page]
    assert sorted(found) == [f"user{number:02}" for number in range(step - 1, 24, step)]


async def test_the_file_has_all_rows_and_is_refused_if_it_were_too_long(attendance, monkeypatch):
    rows = list(csv.DictReader(io.StringIO(await attendance.csv(DAY, OF_A))))
    assert len(rows) == 12
    assert rows[0] | {"user": "", "began": ""} == {
        "user": "",
        "courses": "course-a",
        "target": "lab",
        "machine": "",
        "server": "",
        "began": "",
        "ended": "2026-03-01T08:30:00Z",
        "seconds": "1793",
    }
    monkeypatch.setattr(hub_attendance, "MOST_IN_FILE", 12)
    assert len((await attendance.csv(DAY, OF_A)).splitlines()) == 13
    threads = []
    monkeypatch.setattr(hub_attendance, "as_csv", lambda rows: threads.append(threading.current_thread()))
    await attendance.csv(DAY, OF_A)
    assert threads != [threading.main_thread()], "sessions go on meanwhile"
    monkeypatch.setattr(hub_attendance, "MOST_IN_FILE", 11)
    with pytest.raises(MalformedRequest, match="fewer days"):
        await attendance.csv(DAY, OF_A)


@pytest.mark.parametrize("place", [(BEGIN, "0" * 16), (1772352000.1234567, "0123456789abcdef"), None])
def test_a_place_is_what_was_written(place):
    assert read_place(written_place(place) or "") == place


@pytest.mark.parametrize("text", ["x", "1-2", "-1-" + "0" * 16, "1e9-" + "0" * 16, "1-" + "0" * 16 + "\n", "9" * 300])
def test_what_no_answer_said_is_no_place(text):
    with pytest.raises(MalformedRequest):
        read_place(text)


def test_whom_an_instructors_scopes_name():
    rights = Rights.parse([f"{ADMIN}!group=course-a", f"{ADMIN}!user=ann", f"{VIEW}!user=bob", VIEW])
    assert (rights.overseen_groups, rights.overseen_people) == ({"course-a"}, {"ann"})
    assert not rights.oversees_everybody
    assert Rights.parse([ADMIN]).oversees_everybody
