"""The bus: what one process changes the others look at, at once, and later if they did not hear it."""

import asyncio
import logging
from collections import Counter
from functools import partial

import pytest
from sqlalchemy import text

from jupyter_vnc.exceptions import SessionEnded
from jupyter_vnc.hub import shared_sessions
from jupyter_vnc.hub.registry import maintenance as followed
from jupyter_vnc.hub.registry.maintenance import MaintenanceService
from jupyter_vnc.hub.shared_sessions import SharedSessions
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.stores.database import bus as buses
from jupyter_vnc.stores.database.bus import LEASES, MAINTENANCE, SESSIONS, TARGETS, Bus, announce
from jupyter_vnc.stores.database.leases import DatabaseLeases
from jupyter_vnc.stores.database.maintenance import MaintenanceStore
from jupyter_vnc.stores.database.old_leases import OldLeases
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.registered import RegisteredTargets, Write
from jupyter_vnc.stores.database.sessions import SessionRows

LOG = logging.getLogger("tests.bus")
KINDS = (LEASES, MAINTENANCE, SESSIONS, TARGETS)
PATIENCE = 30


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def url(postgres):
    return postgres.new_database("vnc")


@pytest.fixture
def listen(database, jp_asyncio_loop):
    """Begin to listen, as another process would; return the bus, and what it has heard."""
    started = []

    async def listen(**heard):
        counted = Counter()
        calls = {kind: partial(counted.update, [kind]) for kind in KINDS} | heard
        bus = Bus(database, calls, LOG)
        bus.start()
        started.append(bus)
        await until(lambda: bus.listens)
        await until(lambda: len(counted) + len(heard) >= len(KINDS))  # what came before
        counted.clear()
        return bus, counted

    yield listen
    for bus in started:
        jp_asyncio_loop.run_until_complete(bus.close())


async def save_a_lease(database):
    pools = PoolManager()
    pools.keep_with(partial(DatabaseLeases, Processes(database, LOG), OldLeases(None, LOG), LOG))
    await pools.start()
    pools.configure(Target(name="lab", address=PoolAddress((PoolMachine("m1", TCPAddress("m1", 1)),))))
    await pools.lease("ann", "lab")
    await pools.close()


CHANGES = {
    LEASES: save_a_lease,
    MAINTENANCE: lambda database: MaintenanceStore(database).put(("lab", ""), True, "ada", "{}"),
    SESSIONS: lambda database: SessionRows(Processes(database, LOG)).write({"s1": "{}"}),
    TARGETS: lambda database: RegisteredTargets(database).write([Write("lab", {"host": "a"})], "ada"),
}


async def test_each_kind_of_change_is_heard_by_its_name(listen, database):
    ends = []
    _, heard = await listen(end=lambda: ends.append("end"))
    for kind, change in CHANGES.items():
        ends.clear()
        await change(database)
        async with database.writing() as connection:
            await announce(connection, "end")  # a change may be several transactions, which are all heard before
        await until(lambda: ends)
        assert {*heard} == {kind}
        heard.clear()


async def test_what_is_not_committed_is_not_announced(listen, database):
    _, heard = await listen()

    async def fail():
        async with database.writing() as connection:
            await announce(connection, TARGETS)
            raise ValueError

    with pytest.raises(ValueError):
        await fail()
    async with database.writing() as connection:
        await announce(connection, LEASES)
    await until(lambda: heard[LEASES])
    assert heard == {LEASES: 1}


async def test_after_a_break_all_is_looked_at_and_notices_come_again(listen, database, monkeypatch):
    monkeypatch.setattr(buses, "PAUSE", 0.01)
    bus, heard = await listen()
    async with database.writing() as connection:
        end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        end += "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        assert await connection.scalar(text(end)) == 1
    await until(lambda: len(heard) == len(KINDS) and bus.listens)
    heard.clear()
    await CHANGES[TARGETS](database)
    await until(lambda: heard[TARGETS])


async def test_a_kind_of_a_newer_version_is_left_alone(listen, database):
    _, heard = await listen()
    async with database.writing() as connection:
        await announce(connection, "newer")
        await announce(connection, TARGETS)
    await until(lambda: heard[TARGETS])


async def test_an_end_reaches_another_process_at_once(listen, database, monkeypatch):
    monkeypatch.setattr(shared_sessions, "INTERVAL", 3600)
    registries = [SessionRegistry(), SessionRegistry()]
    one, two = (SharedSessions(registry, Processes(database, LOG), LOG) for registry in registries)
    for each in (one, two):
        each.start()
        await listen(**{SESSIONS: each.bell.ring})
    ann = Session(User("ann"), Target(name="lab", address=TCPAddress("lab", 1)), Mode.CONTROL)
    await registries[0].admit(ann)
    await until(registries[1].everybody)
    registries[1].everybody()[0].end(SessionEnded("ada ended this session."))
    await until(lambda: ann.error)
    assert str(ann.error) == "ada ended this session."
    for each in (one, two):
        await each.close()


async def test_maintenance_at_another_process_is_told_here_at_once(listen, database, monkeypatch):
    monkeypatch.setattr(followed, "INTERVAL", 3600)
    told = []
    service = MaintenanceService(database, Maintenance(), lambda *what: told.append(what), LOG)
    await service.start()
    await listen(**{MAINTENANCE: service.bell.ring})
    store, place = MaintenanceStore(database), ("lab", "m1")
    for begins, by in ((True, "ada"), (False, "eve")):
        await store.put(place, begins, by, '{"machine": "m1"}')
        await until(lambda by=by: told and told[-1][2] == by)
    assert told == [(place, True, "ada"), (place, False, "eve")]
    await service.close()


async def test_one_process_has_nobody_to_listen_to(sqlite_database):
    bus = Bus(sqlite_database, {}, LOG)
    bus.start()
    await CHANGES[TARGETS](sqlite_database)
    assert bus._task is None
    await bus.close()
