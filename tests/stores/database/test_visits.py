"""Visits in the database: written once, ended once, kept for some time."""

import logging
import time
from dataclasses import replace

import pytest

from jupyter_vnc.pools.presence import BEAT, DEAD, Present
from jupyter_vnc.stores.database import visits
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.visits import DAY, KILLED, Visit, VisitStore

LOG = logging.getLogger("tests.visits")
NOW = 1_000_000.0
ANN = {"user": "a\0\ud800 漢", "owner": "ann", "target": "lab", "mode": "control", "machine": None, "groups": ["a"]}


def begun(session="s1", began=NOW):
    return Visit(session, began, ANN)


def over(session="s1", began=NOW, ended=NOW + 60):
    return Visit(session, began, ANN | {"machine": "m1"}, ended, "The viewer left.")


@pytest.fixture
def store(database):
    return VisitStore(database, "here")


async def test_a_visit_is_open_until_it_is_over(store):
    await store.write([begun()])
    assert await store.newest() == [{"session": "s1", **ANN, "began": NOW, "ended": None, "cause": ""}]
    await store.write([over(), begun("s2", NOW + 5)])
    second, first = await store.newest()
    assert (second["session"], second["ended"]) == ("s2", None)
    assert first == {
        "session": "s1",
        **ANN,
        "machine": "m1",
        "began": NOW,
        "ended": NOW + 60,
        "cause": "The viewer left.",
    }


async def test_what_is_written_twice_or_late_changes_nothing(store):
    """The database may have written what it did not confirm."""
    await store.write([begun(), over()])
    once = await store.newest()
    await store.write([begun(), over()])
    await store.write([begun()])
    assert await store.newest() == once


async def test_visits_of_a_time_are_those_that_touch_it(store):
    await store.write([over("s1", NOW, NOW + 60), over("s2", NOW + 100, NOW + 200), begun("s3", NOW + 150)])

    async def of(since, until, after=None):
        return [row["session"] for row in await store.newest(after, since=since, until=until)]

    assert await of(NOW + 60, NOW + 150) == ["s2"]  # a visit that ends when the time begins is no part of it
    assert await of(NOW + 59, NOW + 151) == ["s3", "s2", "s1"]
    assert await of(NOW + 59, NOW + 151, (NOW + 100, "s2")) == ["s1"]
    assert await of(NOW + 1000, NOW + 2000) == ["s3"]


async def test_a_visit_that_moves_goes_on_and_ends_only_where_it_was_last(store, database):
    """A desktop in somebody's own server, which comes back to this process or to another one."""

    async def shown():
        (row,) = await store.newest()
        return row["began"], row["ended"], row["cause"]

    first, again = replace(begun(), moves=True), replace(begun("s1", NOW + 90), moves=True)
    end = replace(over(), moves=True)
    await store.write([first, end])
    assert await shown() == (NOW, NOW + 60, "The viewer left.")
    other = VisitStore(database, "there")
    await other.write([again])
    assert await shown() == (NOW, None, "")
    await store.write([end])  # this one learns of it late
    assert await shown() == (NOW, None, "")
    await other.write([replace(again, ended=NOW + 120, cause="Over.")])
    assert await shown() == (NOW, NOW + 120, "Over.")


async def test_what_a_killed_process_has_left_is_over(store, database):
    await VisitStore(database, "before").write([begun("s1"), over("s2")])
    await store.write([begun("s3")])
    await store.end_those_left()
    rows = {row["session"]: (row["ended"], row["cause"]) for row in await store.newest()}
    assert rows == {"s1": (NOW + 60, KILLED), "s2": (NOW + 60, "The viewer left."), "s3": (None, "")}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_process_that_is_there_keeps_its_visits_and_one_that_is_gone_does_not(store, database, hours):
    lives, gone = (Processes(database, LOG, lambda: hours[0]) for _ in "12")
    for process in (lives, gone):
        await process.beat(Present())
        await VisitStore(database, process.id).write([begun(process.id[:16])])
    await VisitStore(database, "begins").write([begun("young", time.time())])
    await gone.leave()  # and its last ends were not written
    await store.end_those_left()
    rows = {row["session"]: (row["ended"], row["cause"]) for row in await store.newest()}
    assert rows == {lives.id[:16]: (None, ""), gone.id[:16]: (NOW, KILLED), "young": (None, "")}


async def test_visits_are_deleted_by_their_end_and_open_ones_are_not(store):
    now, long_ago = time.time(), time.time() - 9 * DAY
    gone, kept = over("over", long_ago, now - DAY - 60), over("long", long_ago, now - DAY + 600)
    await store.write([begun("open", long_ago), gone, kept])
    assert await store.forget(1) == 1
    assert {row["session"] for row in await store.newest()} == {"open", "long"}


async def test_many_old_visits_are_deleted_in_steps(store, database, monkeypatch):
    monkeypatch.setattr(visits, "STEP", 3)
    await store.write([over(f"s{number}") for number in range(7)])
    written = []
    database.observe = lambda writes, seconds, failed: written.append(writes)
    assert await store.forget(1) == 7
    assert written == [True] * 3
    assert await store.newest() == []


async def test_the_visits_of_a_process_that_died_end_within_half_a_minute(database, hours):
    one, two = (Processes(database, LOG, lambda: hours[0]) for _ in "12")
    await one.beat(Present())
    await two.beat(Present())
    ahead = begun("s4", hours[0] + 39)  # its clock is not the database's
    await VisitStore(database, one.id).write([begun("s1"), over("s2"), ahead])
    await VisitStore(database, two.id).write([begun("s3")])
    for seconds in range(30):
        hours[0] += 1
        await two.beat(Present())
        if seconds < DEAD - BEAT:
            assert len([row for row in await VisitStore(database, "").newest() if row["ended"] is None]) == 3
    rows = {row["session"]: (row["ended"], row["cause"]) for row in await VisitStore(database, "").newest()}
    assert rows == {
        "s1": (hours[0] - 30, KILLED),
        "s2": (NOW + 60, "The viewer left."),
        "s3": (None, ""),
        "s4": (hours[0] + 9, KILLED),
    }
    await one.beat(Present())  # it was only held up, and its sessions live
    rows = {row["session"]: (row["ended"], row["cause"]) for row in await VisitStore(database, "").newest()}
    assert rows.pop("s4") == (None, "")
    assert rows == {"s1": (None, ""), "s2": (NOW + 60, "The viewer left."), "s3": (None, "")}
