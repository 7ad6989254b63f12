"""The history of visits: what is written of sessions, also after an outage, and who is told of it."""

import asyncio
import logging
import math
from dataclasses import replace

import pytest

from jupyter_vnc.exceptions import SessionEnded
from jupyter_vnc.hub import visits as history
from jupyter_vnc.hub.editor import Editor
from jupyter_vnc.hub.visits import Visits
from jupyter_vnc.model.addresses import TCPAddress, UserServerAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database import visits as stored
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.visits import DAY, KILLED, Visit, VisitStore, place_of

LOG = logging.getLogger("tests.visits")
PAGE = 20
ROOT, OF_A = Editor("root", local=True), Editor("max", frozenset({"course-a"}))


def session(user="ann", **who):
    target = Target(name="lab", address=TCPAddress("lab.example", 5901), **who)
    one = Session(User(user), target, Mode.CONTROL)
    one.note_picture()
    return one


@pytest.fixture
def database(tmp_path, jp_asyncio_loop):
    database = Database(urls.parse(f"sqlite:///{tmp_path}/vnc.sqlite"), LOG)
    jp_asyncio_loop.run_until_complete(database.open())
    yield database
    jp_asyncio_loop.run_until_complete(database.close())


@pytest.fixture
def make(database, monkeypatch):
    """Make what writes visits, as one run of the service has it; a busy disk has time for the last of them."""
    monkeypatch.setattr(history, "LAST_WRITE", 60.0)
    return lambda days=90.0: Visits(Processes(database, LOG), days, LOG)


@pytest.fixture
def visits(make, jp_asyncio_loop):
    async def start():
        one.start()

    one = make()
    jp_asyncio_loop.run_until_complete(start())
    yield one
    jp_asyncio_loop.run_until_complete(one.close())


async def until(visits, condition):
    async with asyncio.timeout(30):
        while not condition(rows := await visits.seen_by(ROOT)):
            await asyncio.sleep(0.01)
    return rows


async def test_a_session_is_a_visit_from_its_begin_to_its_end(visits):
    one = session()
    visits.begin(one)
    (row,) = await until(visits, len)
    assert (row["session"], row["user"], row["target"], row["machine"]) == (one.id, "ann", "lab", None)
    assert (row["ended"], row["cause"]) == (None, "")
    one.machine = "m1"
    visits.end(one, str(SessionEnded("The time is over.\n" + "x" * 500)))
    (row,) = await until(visits, lambda rows: rows[0]["ended"])
    assert row["machine"] == "m1"
    assert row["cause"].startswith("The time is over.\\nxxx")
    assert len(row["cause"]) == history.MAX_CAUSE


async def test_with_no_days_nothing_is_written(make, database):
    visits = make(0.0)
    visits.start()
    visits.begin(session())
    await visits.close()
    assert await VisitStore(database, "").newest() == []


async def test_it_is_known_for_which_courses_somebody_was_there_and_in_which_server(make, database):
    visits = make()
    one = session(allow_groups=frozenset({"course-a", "course-b"}))
    one.user = one.owner = User("ann", frozenset({"course-a", "others"}))
    away = session("bob")
    away.target = replace(away.target, address=UserServerAddress("gpu"))
    visits.begin(one)
    visits.begin(away)
    visits.start()
    await until(visits, lambda rows: len(rows) == 2)
    await visits.close()
    kept = {row["user"]: (row["courses"], row.get("server")) for row in await VisitStore(database, "").newest()}
    assert kept == {"ann": (["course-a"], None), "bob": ([], "gpu")}
    shown = {row["user"]: row.get("server") for row in await visits.seen_by(ROOT)}
    assert shown == {"ann": None, "bob": "gpu"}
    assert not any("courses" in row for row in await visits.seen_by(ROOT))


async def test_who_manages_a_group_is_told_of_its_targets_only(visits):
    a, b = frozenset({"course-a"}), frozenset({"course-b"})
    shown = session(allow_groups=a)
    others = [session(), session(allow_groups=b), session(allow_groups=a | b)]
    for one in (shown, *others, session(allow_groups=a, allow_users=frozenset({"eve"}))):
        visits.begin(one)
    await until(visits, lambda rows: len(rows) == 5)
    assert [row["session"] for row in await visits.seen_by(OF_A)] == [shown.id]


@pytest.fixture
def crowd(database, monkeypatch, jp_asyncio_loop):
    """What a quiet course has left, and then three pages of visits of others, many of one moment."""
    monkeypatch.setattr(history, "PAGE", PAGE)
    monkeypatch.setattr(stored, "PAGE", PAGE)
    monkeypatch.setattr(history, "MOST_SHOWN", PAGE)
    content = {"user": "ann", "owner": "ann", "target": "lab", "mode": "view", "machine": None}
    quiet = [Visit(f"a{number}", number, content | {"groups": ["course-a"]}) for number in range(7)]
    others = [Visit(f"b{number:04}", 1e9 + number // 35, content | {"groups": ["b"]}) for number in range(3 * PAGE)]
    jp_asyncio_loop.run_until_complete(VisitStore(database, "there").write(quiet + others))


async def test_a_quiet_course_is_found_behind_all_others(make, crowd, monkeypatch):
    visits = make()
    assert [row["session"] for row in await visits.seen_by(OF_A)] == [f"a{number}" for number in range(6, -1, -1)]
    assert len(await visits.seen_by(ROOT)) == PAGE
    monkeypatch.setattr(history, "MOST_PAGES", 3)
    assert await visits.seen_by(OF_A) == []


async def test_pages_miss_nothing_and_repeat_nothing(database, crowd):
    store, found = VisitStore(database, ""), []
    while page := await store.newest(place_of(found[-1]) if found else None):
        found += page
    assert len(found) == len({row["session"] for row in found}) == 3 * PAGE + 7
    assert [row["began"] for row in found] == sorted((row["began"] for row in found), reverse=True)


async def test_what_happened_while_the_database_was_away_is_written_later(visits, database, monkeypatch):
    monkeypatch.setattr(history, "PAUSE", 0.01)
    async with asyncio.timeout(30):
        while not visits._forget_at:  # a transaction that is under way would find the database again
            await asyncio.sleep(0.01)
    tries = []
    database.observe = lambda writes, seconds, failed: tries.append(failed)
    database.trouble, database._ask_again = "away", math.inf
    one = session()
    visits.begin(one)
    visits.end(one, "The viewer left.")
    async with asyncio.timeout(30):
        while tries.count(True) < 2:
            await asyncio.sleep(0.01)
    assert len(visits._waiting) == 2
    database._ask_again = 0.0
    (row,) = await until(visits, len)
    assert (row["cause"], bool(row["ended"])) == ("The viewer left.", True)


async def test_what_ended_last_is_written_before_the_service_stops(make):
    one, visits = session(), make()
    visits.start()
    visits.begin(one)
    visits.end(one, "The server is stopping.")
    await visits.close()
    assert [row["cause"] for row in await visits.seen_by(ROOT)] == ["The server is stopping."]


async def test_what_ended_last_is_written_though_the_database_was_away_a_moment_ago(make, database):
    visits = make()
    visits.begin(session())
    database.trouble, database._ask_again = "away", asyncio.get_running_loop().time() + 0.3
    await visits.close()
    assert len(await visits.seen_by(ROOT)) == 1


async def test_what_cannot_be_written_at_the_end_is_counted(make, database, monkeypatch, caplog):
    monkeypatch.setattr(history, "LAST_WRITE", 0.3)
    database.trouble, database._ask_again = "away", math.inf
    visits = make()
    visits.begin(session())
    await visits.close()
    assert "Visits were not saved: 1" in caplog.text
    database._ask_again = 0.0


async def test_the_next_run_ends_what_a_killed_one_has_left_and_deletes_what_is_old(make, database):
    store = VisitStore(database, "killed")
    content = {"user": "ann", "owner": "ann", "target": "lab", "mode": "view", "machine": None, "groups": []}
    now = history.time.time()
    old = Visit("old", now - 8 * DAY, content, now - 8 * DAY, "The viewer left.")
    await store.write([old, Visit("left", now - 60, content)])
    visits = make(7.0)
    visits.start()
    (row,) = await until(visits, lambda rows: len(rows) == 1 and rows[0]["ended"])
    assert (row["session"], row["cause"]) == ("left", KILLED)
    await visits.close()


async def test_what_another_process_has_left_is_ended_while_this_one_runs(make, database, monkeypatch):
    monkeypatch.setattr(history, "END_EVERY", 0.05)
    visits = make()
    visits._alone = False
    visits.start()
    visits.begin(session())
    await until(visits, len)
    content = {"user": "bob", "owner": "bob", "target": "lab", "mode": "view", "machine": None, "groups": []}
    await VisitStore(database, "gone").write([Visit("left", 1e9, content)])
    rows = await until(visits, lambda rows: any(row["cause"] == KILLED for row in rows))
    assert {row["user"]: row["cause"] for row in rows} == {"ann": "", "bob": KILLED}
    await visits.close()


async def test_an_outage_is_written_in_chunks_and_a_bad_one_is_lost_alone(make, database, monkeypatch, caplog):
    monkeypatch.setattr(history, "CHUNK", 2)
    visits = make()
    real, sizes = visits._store.write, []

    async def write(several):
        sizes.append(len(several))
        if any(visit.content["user"] == "bad" for visit in several):
            raise ValueError("broken")
        await real(several)

    monkeypatch.setattr(visits._store, "write", write)
    for user in ("ann", "bob", "bad", "kim", "eve"):
        visits.begin(session(user))
    visits.start()
    rows = await until(visits, lambda rows: len(rows) == 3)
    assert {row["user"] for row in rows} == {"ann", "bob", "eve"}
    assert sizes == [2, 2, 1]
    assert caplog.text.count("Visits could not be saved: 2") == 1
    await visits.close()


async def test_what_cannot_be_deleted_does_not_keep_visits_from_being_written(make, monkeypatch, caplog):
    async def forget(days):
        raise ValueError("broken")

    visits = make()
    monkeypatch.setattr(visits._store, "forget", forget)
    visits.start()
    for user in ("ann", "bob"):
        visits.begin(session(user))
        await until(visits, lambda rows, user=user: any(row["user"] == user for row in rows))
    await visits.close()
    assert caplog.text.count("Old visits could not be deleted") == 1


async def test_one_failure_does_not_end_the_history(visits, monkeypatch, caplog):
    real, failures = visits._store.write, [ValueError("broken")]

    async def write(several):
        if failures:
            raise failures.pop()
        await real(several)

    monkeypatch.setattr(visits._store, "write", write)
    visits.begin(session("lost"))
    async with asyncio.timeout(30):
        while failures or visits._waiting:
            await asyncio.sleep(0.01)
    visits.begin(session("ann"))
    assert [row["user"] for row in await until(visits, len)] == ["ann"]
    assert "Visits could not be saved: 1" in caplog.text
