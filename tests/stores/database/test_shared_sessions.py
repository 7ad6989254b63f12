"""Live sessions over the processes of a service: admitted as if there were one, shown, ended, and gone with theirs."""

import asyncio
import logging

import pytest
from sqlalchemy import func, insert, select, update

from jupyter_vnc.exceptions import LimitExceeded, SessionEnded, StoreUnavailable
from jupyter_vnc.hub.shared_sessions import INTERVAL, SharedSessions
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
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

    async def sit(self, user=ANN, port=1):
        target = Target(name=f"lab{port}", address=TCPAddress("lab", port))
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
    ann.bytes_in = 7
    await one.look()
    assert writes == []
    one.shared._told_at -= BEAT
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
