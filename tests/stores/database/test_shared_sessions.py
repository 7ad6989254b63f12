"""Live sessions over the processes of a service: admitted as if there were one, shown, ended, and gone with theirs."""

import asyncio
import contextlib
import logging
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import delete, func, insert, select, update

from jupyter_vnc.exceptions import LimitExceeded, SessionEnded, StoreUnavailable, TargetBusy
from jupyter_vnc.hub import shared_sessions
from jupyter_vnc.hub.shared_sessions import INTERVAL, MOST_WAITING, SharedSessions
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.presence import BEAT, DEAD, Present
from jupyter_vnc.stores.database import database as databases
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.tables import notices, processes, sessions

LOG = logging.getLogger("tests.sessions")
#: What has nothing to do with the kind of database.
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
ANN = User("ann", frozenset({"course-a"}))


class Process:
    """A process of the service, as far as it has sessions."""

    def __init__(self, database, clock, **limits):
        self.registry = SessionRegistry(SessionLimits(**limits))
        self.processes = Processes(database, LOG, clock)
        self.shared = SharedSessions(self.registry, self.processes, LOG)
        self.look = self.shared.look

    async def sit(self, user=ANN, port=1, sharing=Sharing.SHARED):
        target = Target(name=f"lab{port}", address=TCPAddress("lab", port), sharing=sharing)
        session = Session(user, target, Mode.CONTROL)
        await self.shared.admit(session)
        return session

    def seen(self):
        return {one.id for one in self.registry.everybody() if one.error is None}


@pytest.fixture
def make(database, hours, monkeypatch):
    monkeypatch.setattr(Database, "is_shared", True)
    return lambda **limits: Process(database, lambda: hours[0], **limits)


async def rows_of(database, table):
    async with database.reading() as connection:
        return (await connection.execute(select(table))).all()


async def test_what_one_process_runs_all_show_until_it_ends(make, database):
    one, two = make(), make()
    ann = await one.sit()
    await two.look()
    assert two.seen() == {ann.id}
    (there,) = two.registry.everybody()
    assert (there.user, there.public()) == (ANN, ann.public())
    ann.machine = "m1"
    await one.look()
    await two.look()
    assert next(iter(two.registry.everybody())).machine == "m1"
    one.registry.remove(ann)
    await one.look()
    await two.look()
    assert two.seen() == set()
    assert await rows_of(database, sessions) == []


async def test_of_many_at_once_at_three_processes_as_many_are_admitted_as_the_limit_says(make):
    three = [make(per_user=4, total=0) for _ in range(3)]
    tries = (three[number % 3].sit(port=number) for number in range(30))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Session) for one in results) == 4
    assert sum(isinstance(one, LimitExceeded) for one in results) == 26
    assert sum(len(one.registry) for one in three) == 4


@on_sqlite
async def test_bytes_and_input_are_told_every_few_seconds_and_news_at_once(make, monkeypatch):
    one, two = make(), make()
    ann = await one.sit()
    writes, real = [], one.shared._rows.write

    async def write(rows):
        writes.append(rows)
        await real(rows)

    monkeypatch.setattr(one.shared._rows, "write", write)
    await one.look()
    writes.clear()
    one.shared._told_at += 3600
    ann.bytes_in = 7
    await one.look()
    assert writes == []
    one.shared._told_at -= 3600 + BEAT
    await one.look()
    await two.look()
    assert (len(writes), next(iter(two.registry.everybody())).bytes_in) == (1, 7)
    ann.put_hand(ann.since)
    await one.look()
    assert len(writes) == 2


async def test_what_is_done_to_a_session_is_done_where_it_is(make, database):
    one, two = make(), make()
    ann, told = await one.sit(), []
    ann.tell = told.append
    await one.look()
    await two.look()
    (there,) = two.registry.everybody()
    there.note("message", text="nul \0 and \ud800", sender="ada")
    there.put_hand(ann.since)
    there.end(SessionEnded("ada ended this session."))
    assert two.seen() == set()
    await two.look()
    await one.look()
    assert told == [{"kind": "message", "text": "nul \0 and \ud800", "sender": "ada"}]
    assert (ann.hand, str(ann.error)) == (ann.since, "ada ended this session.")
    assert await rows_of(database, notices) == []


@on_sqlite
async def test_what_was_ended_here_is_over_though_its_process_goes_on_telling_of_it(make):
    one, two = make(), make()
    ann = await one.sit()
    await two.look()
    next(iter(two.registry.everybody())).end(SessionEnded("over"))
    ann.machine = "m2"
    await one.look()
    await two.look()
    assert two.seen() == set()


@on_sqlite
@pytest.mark.parametrize("content", ["", "7", '{"end": "SessionEnded"}', '{"hand": 7}'])
async def test_a_notice_that_is_none_does_nothing_and_others_are_heeded(make, database, content, caplog):
    one, two = make(), make()
    ann = await one.sit()
    async with database.writing() as connection:
        row = {"process": one.processes.id, "session": ann.id}
        await connection.execute(
            insert(notices), [row | {"content": content}, row | {"session": "over"} | {"content": "{}"}]
        )
    await two.look()
    next(iter(two.registry.everybody())).end(SessionEnded("over"))
    await two.look()
    await one.look()
    assert str(ann.error) == "over"
    assert caplog.text.count("another process wants what is unknown") == 1


@on_sqlite
async def test_a_session_that_a_newer_version_tells_of_is_not_shown_and_others_are(make, database):
    one, two = make(), make()
    ann, bob = await one.sit(), await one.sit(User("bob"))
    async with database.writing() as connection:
        await connection.execute(update(sessions).where(sessions.c.id == ann.id).values(content="{}"))
    await two.look()
    assert two.seen() == {bob.id}


async def test_the_sessions_of_a_process_that_died_are_gone_within_half_a_minute(make, database, hours):
    one, two = make(per_user=1), make(per_user=1)
    await one.sit()
    await two.look()
    async with database.writing() as connection:
        row = {"process": one.processes.id, "session": "x", "content": "{}"}
        await connection.execute(insert(notices), [row, row | {"process": "nobody"}])
    with pytest.raises(LimitExceeded):
        await two.sit(port=2)
    for second in range(29):
        hours[0] += 1
        await two.look()
        if second < DEAD - 1:
            assert len(two.seen()) == 1
    assert two.seen() == set()
    assert (await rows_of(database, sessions), await rows_of(database, notices)) == ([], [])
    await two.sit(port=2)


@on_sqlite
async def test_one_that_was_only_held_up_tells_again_what_it_runs(make, database, hours):
    one, two = make(), make()
    ann = await one.sit()
    for _ in range(29):
        hours[0] += 1
        await two.look()
    assert await rows_of(database, sessions) == []
    one.shared._told_at -= BEAT
    await one.look()
    await two.look()
    assert two.seen() == {ann.id}


@on_sqlite
async def test_a_process_that_gives_out_no_machines_lives(make, database, hours):
    """Leases that cannot be read say nothing; sessions on other targets go on."""
    one, two = make(), make()
    await one.sit()
    await one.processes.beat(Present(waits=frozenset({("lab", "ann")})))
    for _ in range(12):
        hours[0] += BEAT
        await one.look()
        await two.look()
    assert len(two.seen()) == 1
    (said,) = {row.present for row in await rows_of(database, processes) if row.id == one.processes.id}
    assert said == Present(waits=frozenset({("lab", "ann")})).encode()


@on_sqlite
async def test_one_that_stops_leaves_nothing(make, database):
    one, two = make(), make()
    one.shared.start()
    ann = await one.sit()
    await two.look()
    assert two.seen() == {ann.id}
    one.registry.remove(ann)
    await one.shared.close()
    await two.look()
    assert two.seen() == set()
    assert {row.id for row in await rows_of(database, processes)} <= {two.processes.id}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_while_the_database_is_away_sessions_go_on_and_what_was_done_is_done_later(
    make, database, postgres, monkeypatch
):
    monkeypatch.setattr(databases, "PAUSE", 0)
    one, two = make(), make()
    ann = await one.sit()
    await two.look()
    postgres.stop()
    try:
        next(iter(two.registry.everybody())).end(SessionEnded("over"))
        for attempt in (one.sit(port=2), one.look(), two.look()):
            with pytest.raises(StoreUnavailable):
                await attempt
        assert (len(one.registry), ann.error) == (1, None)
    finally:
        postgres.start()
    await two.look()
    await one.look()
    assert str(ann.error) == "over"


@on_sqlite
async def test_the_task_looks_by_itself_and_survives_what_it_meets(make, monkeypatch, caplog):
    one, two = make(), make()
    failures, real = [ValueError("broken"), ValueError("broken")], two.shared._rows.look

    async def look():
        if failures:
            raise failures.pop()
        return await real()

    monkeypatch.setattr(two.shared._rows, "look", look)
    for process in (one, two):
        process.shared.start()
    ann = Session(ANN, Target(name="lab", address=TCPAddress("lab", 1)), Mode.CONTROL)
    await one.registry.admit(ann)
    async with asyncio.timeout(60):
        while two.seen() != {ann.id}:
            await asyncio.sleep(0.02)
        next(iter(two.registry.everybody())).end(SessionEnded("over"))
        while ann.error is None:
            await asyncio.sleep(0.02)
    assert caplog.text.count("could not be compared") == 1
    assert INTERVAL <= 5
    for process in (one, two):
        await process.shared.close()


@on_sqlite
async def test_one_process_alone_writes_nothing(database):
    registry = SessionRegistry()
    shared = SharedSessions(registry, Processes(database, LOG), LOG)
    before = registry.admit
    shared.start()
    assert registry.admit == before
    await registry.admit(Session(ANN, Target(name="lab", address=TCPAddress("lab", 1)), Mode.CONTROL))
    await shared.close()
    async with database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(sessions)) == 0


def lose(monkeypatch, rows, name, times=1):
    """Let the database do what it is asked, and its answer get lost."""
    real, left = getattr(rows, name), [None] * times

    async def lost(*arguments):
        result = await real(*arguments)
        if left:
            left.pop()
            raise StoreUnavailable
        return result

    monkeypatch.setattr(rows, name, lost)


@on_sqlite
async def test_an_end_that_got_lost_is_sent_again_until_the_session_is_over(make, database, monkeypatch):
    monkeypatch.setattr(shared_sessions, "REPEAT", 3600.0)
    one, two = make(), make()
    ann = await one.sit()
    await two.look()
    next(iter(two.registry.everybody())).end(SessionEnded("over"))
    await two.look()
    async with database.writing() as connection:
        await connection.execute(delete(notices))
    await two.look()
    await one.look()
    assert ann.error is None, "not again at once"
    monkeypatch.setattr(shared_sessions, "REPEAT", 0.0)
    await two.look()
    await one.look()
    assert str(ann.error) == "over"
    await two.look()
    await one.look()
    await two.look()
    assert await rows_of(database, notices) == []


@on_sqlite
async def test_whatever_one_notice_does_the_others_are_heeded(make, monkeypatch, caplog):
    one, two = make(), make()
    ann, bob = await one.sit(), await one.sit(User("bob"))

    def fail(note):
        raise RuntimeError("broken viewer")

    ann.tell = fail
    await one.look()
    await two.look()
    there = {session.id: session for session in two.registry.everybody()}
    there[ann.id].note("message", text="hello")
    there[bob.id].end(SessionEnded("over"))
    await two.look()
    await one.look()
    assert str(bob.error) == "over"
    assert "broken viewer" in caplog.text


@on_sqlite
async def test_notices_that_are_too_many_displace_no_end(make, monkeypatch):
    one, two = make(), make()
    ann, bob = await one.sit(), await one.sit(User("bob"))
    bob.tell = (told := []).append
    await one.look()
    await two.look()
    there = {session.id: session for session in two.registry.everybody()}
    there[ann.id].end(SessionEnded("over"))
    for number in range(MOST_WAITING + 1):
        there[bob.id].note("message", text=str(number))
    await two.look()
    await one.look()
    assert str(ann.error) == "over"
    assert [note["text"] for note in told] == [str(number) for number in range(1, MOST_WAITING + 1)]


@on_sqlite
@pytest.mark.parametrize("what", ["send", "forget"])
async def test_what_is_sent_or_read_twice_is_heeded_once(make, database, monkeypatch, what):
    one, two = make(), make()
    ann = await one.sit()
    ann.tell = (told := []).append
    await one.look()
    await two.look()
    next(iter(two.registry.everybody())).note("message", text="hello")
    lose(monkeypatch, two.shared._rows, "send", times=what == "send")
    if what == "forget":
        monkeypatch.setattr(one.shared._rows, "forget", AsyncMock(side_effect=[StoreUnavailable, None]))
    for process in (two, two, one, one):
        with contextlib.suppress(StoreUnavailable):
            await process.look()
    assert len(told) == 1


async def test_who_makes_way_is_told_in_the_transaction_that_admits_the_other(make, database, monkeypatch):
    """Even if the process that has admitted somebody is killed right after."""
    one, two = make(), make()
    ann = await one.sit(sharing=Sharing.TAKEOVER)
    await two.look()
    monkeypatch.setattr(two.shared, "_send", AsyncMock())
    await two.sit(User("bob"), sharing=Sharing.TAKEOVER)
    assert two.seen() == {one.id for one in two.registry}
    await one.look()
    assert (type(ann.error), str(ann.error)) == (TargetBusy, "bob is using it now.")


@on_sqlite
async def test_a_session_that_is_being_admitted_can_be_ended_already(make, database, monkeypatch):
    one, two = make(), make()
    committed, go_on, real = asyncio.Event(), asyncio.Event(), one.shared._rows.admit

    async def admit(fits):
        await real(fits)
        committed.set()
        await go_on.wait()

    monkeypatch.setattr(one.shared._rows, "admit", admit)
    sitting = asyncio.create_task(one.sit())
    await committed.wait()
    await two.look()
    next(iter(two.registry.everybody())).end(SessionEnded("over"))
    await two.look()
    looking = asyncio.create_task(one.look())
    done, _ = await asyncio.wait([looking], timeout=0.2)
    go_on.set()
    ann = await sitting
    await looking
    assert (not done, str(ann.error)) == (True, "over")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sharing", [Sharing.EXCLUSIVE, Sharing.TAKEOVER])
@pytest.mark.parametrize("buried", [True, False])
async def test_one_that_was_held_up_gives_way_to_whom_others_have_admitted_meanwhile(
    make, database, hours, monkeypatch, sharing, buried
):
    one, two = make(), make()
    ann, cid = await one.sit(sharing=sharing), await one.sit(User("cid"), port=2, sharing=sharing)
    if not buried:
        monkeypatch.setattr(two.processes, "_bury", AsyncMock())
    for _ in range(29):
        hours[0] += 1
        await two.look()
    bob = await two.sit(User("bob"), sharing=sharing)
    await one.look()
    assert (type(ann.error), str(ann.error)) == (TargetBusy, "bob is using it now.")
    assert (bob.error, cid.error) == (None, None)
    await two.look()
    assert two.seen() == {bob.id, cid.id}
    await one.look()
    await two.look()
    assert (bob.error, cid.error, one.processes.was_away) == (None, None, False)


@on_sqlite
@pytest.mark.parametrize("how", ["answer lost", "cancelled", "gone at once"])
async def test_the_row_of_a_session_that_is_not_there_goes_at_the_next_look(make, database, monkeypatch, how):
    one = make()
    if how == "answer lost":
        lose(monkeypatch, one.shared._rows, "admit")
        with pytest.raises(StoreUnavailable):
            await one.sit()
    elif how == "cancelled":
        committed, real = asyncio.Event(), one.shared._rows.admit

        async def admit(fits):
            await real(fits)
            committed.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(one.shared._rows, "admit", admit)
        sitting = asyncio.create_task(one.sit())
        await committed.wait()
        sitting.cancel()
        await asyncio.wait([sitting])
    else:
        one.registry.remove(await one.sit())
    assert len(await rows_of(database, sessions)) == 1
    await one.look()
    assert await rows_of(database, sessions) == []


@on_sqlite
async def test_what_was_read_before_an_admission_does_not_replace_what_was_read_in_it(make, monkeypatch):
    one, two = make(), make()
    await one.look()
    ann = await two.sit(sharing=Sharing.TAKEOVER)
    read, go_on, real = asyncio.Event(), asyncio.Event(), one.shared._rows.look

    async def look():
        rows = await real()
        read.set()
        await go_on.wait()
        return rows

    monkeypatch.setattr(one.shared._rows, "look", look)
    looking = asyncio.create_task(one.look())
    await read.wait()
    two.registry.remove(ann)
    await two.look()
    bob = await two.sit(User("bob"), sharing=Sharing.TAKEOVER)
    sitting = asyncio.create_task(one.sit(User("cid"), sharing=Sharing.TAKEOVER))
    await asyncio.wait([sitting], timeout=0.2)
    go_on.set()
    await looking
    cid = await sitting
    await two.look()
    assert str(bob.error) == "cid is using it now."
    assert one.seen() == {cid.id}


async def test_what_nobody_runs_any_more_is_deleted(make, database, hours):
    one = make()
    async with database.writing() as connection:
        await connection.execute(insert(sessions), {"id": "s", "process": "nobody", "content": "{}"})
    for _ in range(29):
        hours[0] += 1
        await one.look()
    assert await rows_of(database, sessions) == []
