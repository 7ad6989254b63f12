"""Leases in the database: over restarts, in several processes, taken over from a file, and through a ``kill -9``."""

import asyncio
import gc
import logging
import math
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from functools import partial

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from jupyter_vnc.exceptions import ConfigError, ServerStopping, StoreUnavailable
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pools import keeping, state_file
from jupyter_vnc.pools import manager as pool_manager
from jupyter_vnc.pools.lease import GRACE, Kept
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.stores.database import database as databases
from jupyter_vnc.stores.database import tables, urls
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.leases import DatabaseLeases, from_rows, to_rows
from jupyter_vnc.stores.database.old_leases import OldLeases
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.system.locks import FileLock
from tests.stores.database import lease_changes

LOG = logging.getLogger("tests.leases")
ODD = ("*", 'a"b\\', "a\nb", "a\0b", "Ünï 漢字 🙂", "\ud800", "x" * 3000)


def lab(count, name="lab"):
    machines = (PoolMachine(f"m{number}", TCPAddress("127.0.0.99", number)) for number in range(1, count + 1))
    return Target(name=name, address=PoolAddress(tuple(machines)))


@pytest.fixture
def path(tmp_path):
    """Where a service without a database had its leases."""
    return tmp_path / "leases.json"


@pytest.fixture
def open_manager(path, database, jp_asyncio_loop):
    """Open managers, each as one process has it; all are closed at the end."""
    managers = []

    async def open_manager(target, of=database):
        manager = PoolManager()
        manager.keep_with(partial(DatabaseLeases, Processes(of, LOG), OldLeases(path, LOG), LOG))
        manager.told, manager.moved, manager.rounds, go_round = [], [], 0, manager._go_round

        async def counted():
            await go_round()
            manager.rounds += 1

        manager._go_round = counted
        manager.on_release = lambda *what: manager.told.append(what)
        manager.on_move = lambda *what: manager.moved.append(what)
        managers.append(manager)
        await manager.start()
        manager.configure(target)
        return manager

    yield open_manager
    for manager in managers:
        jp_asyncio_loop.run_until_complete(manager.close())


@pytest.fixture
def waiting(jp_asyncio_loop):
    """Start calls that wait; those that still do at the end are cancelled."""
    tasks = []

    def waiting(manager, user, target="lab"):
        tasks.append(jp_asyncio_loop.create_task(manager.lease(user, target)))
        return tasks[-1]

    yield waiting
    for task in tasks:
        task.cancel()
    if tasks:
        jp_asyncio_loop.run_until_complete(asyncio.wait(tasks))


@pytest.fixture
def quick(monkeypatch):
    """Rounds without a pause between them."""
    monkeypatch.setattr(pool_manager, "ROUND", 0.05)
    monkeypatch.setattr(databases, "PAUSE", 0)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def saved(database):
    """The state that is in the database."""
    async with database.reading() as connection:
        rows = {}
        for table in (tables.pools, tables.leases):
            for row in (await connection.execute(select(table))).mappings():
                rows[(table.name, *(row[one.name] for one in table.primary_key))] = dict(row)
    return from_rows(rows)


def holders(state, name="lab"):
    return {one["user"]: one["name"] for one in state[name]["leases"]}


async def test_leases_queue_and_machines_set_aside_outlive_the_process(open_manager, waiting, database):
    manager = await open_manager(lab(3))
    ann = await manager.lease("ann", "lab")
    manager.failed("bob", "lab", lab(3).address.machines[2])
    assert (await manager.lease("amy", "lab")).name == "m2"
    waits = waiting(manager, "bob")
    await until(lambda: manager.waiting("lab"))
    await manager.close()
    with pytest.raises(ServerStopping):
        await waits
    assert holders(await saved(database)) == {"ann": "m1", "amy": "m2"}
    again = await open_manager(lab(3))
    assert [row["state"] for row in again.rows("lab")] == ["taken", "taken", "aside"]
    assert [row["user"] for row in again.waiting("lab")] == ["bob"]
    assert await again.lease("ann", "lab") == ann


async def test_a_lease_is_in_the_database_before_it_is_returned(open_manager, database):
    manager = await open_manager(lab(2, "*"))
    for user in ("ann", "bob"):
        machine = await manager.lease(user, "*")
        assert holders(await saved(database), "*")[user] == machine.name


@pytest.mark.parametrize("user", ODD)
async def test_every_name_can_have_a_machine(open_manager, database, user):
    manager = await open_manager(lab(1))
    await manager.lease(user, "lab")
    await manager.close()
    assert (await open_manager(lab(1))).machine_of(user, "lab").name == "m1"


async def test_a_user_has_one_machine_of_a_pool_and_a_machine_one_user(database):
    row = {"pool": "p", "user": "u1", "machine": "m1", "content": "{}"}
    async with database.writing() as connection:
        await connection.execute(insert(tables.leases).values(row))
    for change in ({"machine": "m2"}, {"user": "u2"}):
        with pytest.raises(IntegrityError):
            async with database.writing() as connection:
                await connection.execute(insert(tables.leases).values(row | change))
    async with database.writing() as connection:
        await connection.execute(insert(tables.leases).values(row | {"pool": "p2"}))


async def test_where_machines_are_is_not_in_the_database(open_manager, url, dump_of):
    manager = await open_manager(lab(1))
    await manager.lease("ann", "lab")
    dump = await asyncio.to_thread(dump_of, url)
    assert b'"ann"' in dump
    assert b"127.0.0.99" not in dump


def test_rows_are_the_state():
    state = {"lab": {"leases": [{"user": "ann", "key": "k"}], "queue": [], "set_aside": {}, "freed": {"k2": 5.0}}}
    empty = {"leases": [], "queue": [], "set_aside": {}, "freed": {}}
    assert from_rows(to_rows(state | {"none": empty})) == state


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("table", ["pools", "leases"])
@pytest.mark.parametrize("content", ["", "[]", "5", "{}", "[" * 100_000, '{"name": "lab"}'])
async def test_rows_that_are_not_valid_are_refused_and_left_alone(open_manager, database, table, content):
    manager = await open_manager(lab(1))
    await manager.lease("ann", "lab")
    await manager.close()
    async with database.writing() as connection:
        await connection.execute(update(tables.metadata.tables[table]).values(content=content))
    with pytest.raises(ConfigError, match="'pools' and 'leases' of the database are not valid"):
        await open_manager(lab(1))
    async with database.reading() as connection:
        assert await connection.scalar(select(tables.metadata.tables[table].c.content)) == content


# -- several processes ------------------------------------------------------------------------------------------------


@pytest.fixture
def three(postgres, database, open_database, open_manager, jp_asyncio_loop, url):
    """Make the managers of three processes on PostgreSQL."""

    async def three(target):
        return [await open_manager(target, open_database_now) for open_database_now in bases]

    bases = [database] * 3 if url.startswith("sqlite") else [database, open_database(url), open_database(url)]
    return three


async def test_students_at_three_processes_have_machines_of_their_own_and_one_queue(three, waiting, database, quick):
    """On SQLite there is one process; three managers on its database show the same."""
    managers = await three(lab(20))
    tasks = {f"u{n:02}": waiting(managers[n % 3], f"u{n:02}") for n in range(30)}
    await until(lambda: sum(task.done() for task in tasks.values()) == 20)
    got = {user: task.result().name for user, task in tasks.items() if task.done()}
    assert len(set(got.values())) == 20
    state = await saved(database)
    assert holders(state) == got
    Kept.from_json(state["lab"], 1e12)
    assert {waiter["user"] for waiter in state["lab"]["queue"]} == tasks.keys() - got.keys()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_machine_that_is_taken_back_at_one_process_ends_at_the_other_and_goes_to_a_third(three, waiting, quick):
    one, two, third = await three(lab(1))
    await one.lease("ann", "lab")
    await until(lambda: two.rows("lab")[0]["user"] == "ann")
    waits = waiting(third, "bob")
    await until(lambda: [row["user"] for row in two.waiting("lab")] == ["bob"])
    assert two.release("ann", "lab")
    async with asyncio.timeout(30):
        assert (await waits).name == "m1"
    await until(lambda: one.rows("lab")[0]["user"] == "bob")
    for manager in (one, two, third):
        assert [user for user, _, _ in manager.told] == ["ann"]
        assert manager.moved == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_machine_that_two_processes_give_out_at_once_has_one_user(three, waiting, database):
    """The second one knows only when it saves that the machine has gone; its user waits, and nobody was told of it."""
    one, two, _ = await three(lab(1))
    tasks = {"ann": waiting(one, "ann"), "bob": waiting(two, "bob")}
    await until(lambda: sum(task.done() for task in tasks.values()) == 1 and one.waiting("lab") + two.waiting("lab"))
    (winner,) = [user for user, task in tasks.items() if task.done()]
    assert holders(await saved(database)) == {winner: "m1"}
    assert one.told + two.told + one.moved + two.moved == []


@pytest.fixture
def days(monkeypatch):
    """The clock of all managers, which is set by hand."""
    at = [1e9]
    monkeypatch.setattr(pool_manager, "steady_clock", lambda: lambda: at[0])
    return at


async def some_rounds(*managers):
    """Wait until each has heard of the others, and has swept after that: in the second half it has."""
    for manager in managers * 2:
        rounds = manager.rounds + 2
        await until(partial(lambda manager, rounds: manager.rounds >= rounds, manager, rounds))


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_who_waits_at_one_process_is_neither_forgotten_nor_jumped_at_another(three, waiting, days, quick):
    one, two, third = await three(lab(1))
    await one.lease("kim", "lab")
    first = waiting(two, "ann")
    await until(lambda: third.waiting("lab"))
    second = waiting(third, "bob")
    await until(lambda: len(one.waiting("lab")) == len(two.waiting("lab")) == 2)
    ann, bob = ("lab", "ann"), ("lab", "bob")
    heard = ((one, {ann, bob}), (two, {bob}), (third, {ann}))
    await until(lambda: all(manager._pools.elsewhere.waits >= users for manager, users in heard))
    await some_rounds(one, two, third)
    days[0] += 10 * GRACE
    await some_rounds(one, two, third)
    assert one.machine_of("kim", "lab") is None, "who never came"
    async with asyncio.timeout(30):
        assert (await first).name == "m1"
    await until(lambda: [row["user"] for row in third.waiting("lab")] == ["bob"])
    assert not second.done()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_who_has_a_machine_on_the_screen_at_one_process_keeps_it_at_the_others(three, days, quick):
    one, two, third = await three(lab(1))
    await one.lease("ann", "lab")
    one.watched = two.watched = third.watched = lambda name: ()
    one.watched = lambda name: {"ann"}
    await until(lambda: all(other._pools.elsewhere.watching("lab") for other in (two, third)))
    await some_rounds(one, two, third)
    days[0] += 100 * 3600
    await some_rounds(one, two, third)
    assert [manager.machine_of("ann", "lab").name for manager in (one, two, third)] == ["m1"] * 3
    assert [manager.told for manager in (one, two, third)] == [[], [], []]
    one.watched = lambda name: ()
    await until(lambda: not any(other._pools.elsewhere.watching("lab") for other in (two, third)))
    await some_rounds(one, two, third)
    assert [manager.told for manager in (one, two, third)] == [[], [], []], "she may only have reloaded the page"
    days[0] += GRACE
    await until(lambda: all(manager.told for manager in (one, two, third)))
    assert two.machine_of("ann", "lab") is None


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_who_waited_at_a_process_that_has_ended_is_absent(three, waiting, quick):
    one, two, _ = await three(lab(1))
    await one.lease("kim", "lab")
    waits = waiting(one, "ann")
    await until(lambda: two.waiting("lab") and two._pools.elsewhere.waiting("lab"))
    later = waiting(two, "bob")
    await one.close()
    with pytest.raises(ServerStopping):
        await waits
    await until(lambda: not two._pools.elsewhere.waiting("lab"))
    two.release("kim", "lab")
    async with asyncio.timeout(30):
        assert (await later).name == "m1"
    assert [row["user"] for row in two.waiting("lab")] == ["ann"], "she may come back"


# -- the file of an older version -------------------------------------------------------------------------------------


@pytest.fixture
def older(path, jp_asyncio_loop):
    """What a service without a database has left."""

    async def leave():
        manager = PoolManager(state_file=str(path))
        await manager.start()
        manager.configure(lab(1))
        await manager.lease("ann", "lab")
        waits = asyncio.create_task(manager.lease("bob", "lab"))
        await until(lambda: manager.waiting("lab"))
        await manager.close()
        await asyncio.wait([waits])
        assert isinstance(waits.exception(), ServerStopping)

    jp_asyncio_loop.run_until_complete(leave())
    return path.read_bytes()


async def test_leases_in_a_file_are_taken_over_once(open_manager, older, path, database, caplog):
    caplog.set_level("INFO")
    manager = await open_manager(lab(1))
    assert manager.machine_of("ann", "lab").name == "m1"
    assert [row["user"] for row in manager.waiting("lab")] == ["bob"]
    assert holders(await saved(database)) == {"ann": "m1"}
    assert not path.exists()
    assert path.with_name("leases.json.taken-over").read_bytes() == older
    assert f"The leases of {path} are in the database now; the file is kept as leases.json.taken-over" in caplog.text
    assert manager.release("ann", "lab")
    await manager.close()
    path.write_bytes(older)  # as if the service had been killed before it was renamed, or run in its old version
    again = await open_manager(lab(1))
    assert again.machine_of("ann", "lab") is None
    assert (
        f"{path} was not read: the database has leases already. It is kept as leases.json.taken-over-2" in caplog.text
    )
    assert not path.exists()
    assert path.with_name("leases.json.taken-over").read_bytes() == older


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("cut", [0, 1, 20, -2, "version", "twice"])
async def test_a_file_that_is_torn_or_not_valid_is_named_and_left_as_it_is(open_manager, older, path, database, cut):
    if cut == "version":
        content = older.replace(b'"version": 1', b'"version": 7')
    elif cut == "twice":
        pools = state_file.read(path)
        pools["lab"]["queue"] *= 2
        content = state_file.encode(pools)
    else:
        content = older[:cut]
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"{path} is broken"):
            await open_manager(lab(1))
    assert await saved(database) == {}
    assert path.read_bytes() == content
    path.write_bytes(older)
    assert (await open_manager(lab(1))).machine_of("ann", "lab").name == "m1", "it is restored and taken over"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere")])
async def test_what_cannot_be_the_file_is_named_and_left_as_it_is(open_manager, path, database, make):
    make(path)
    with pytest.raises(ConfigError, match=str(path)):
        await open_manager(lab(1))
    assert await saved(database) == {}
    assert os.path.lexists(path)


async def test_a_file_that_an_older_service_still_uses_is_left_to_it(open_manager, older, path, database):
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    lock.take()
    with pytest.raises(ConfigError, match="is in use by another service"):
        await open_manager(lab(1))
    lock.release()
    assert path.read_bytes() == older
    assert await saved(database) == {}


# -- the database is away, or the process killed -----------------------------------------------------------------------


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_while_the_database_is_away_nothing_is_given_out(
    postgres, database, open_manager, waiting, quick, caplog
):
    manager = await open_manager(lab(3))
    await manager.lease("ann", "lab")
    postgres.stop()
    try:
        with pytest.raises(StoreUnavailable, match="could not be saved"):
            await manager.lease("bob", "lab")
        assert manager.machine_of("ann", "lab").name == "m1", "who has one keeps it"
        assert manager.release("ann", "lab")
    finally:
        postgres.start()
    assert (await manager.lease("bob", "lab")).name == "m2"
    assert holders(await saved(database)) == {"bob": "m2"}, "and what happened meanwhile is saved"
    assert caplog.text.count("No machine is given out until this is fixed") == 1


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_service_that_starts_without_its_database_loads_the_leases_later(
    postgres, open_manager, database, quick, monkeypatch
):
    first = await open_manager(lab(2))
    await first.lease("ann", "lab")
    await first.close()
    postgres.stop()
    try:
        manager = await open_manager(lab(2))
        monkeypatch.setattr(keeping, "READ", 0.05)
        with pytest.raises(StoreUnavailable, match="have not been loaded yet"):
            await manager.lease("bob", "lab")
    finally:
        postgres.start()
    monkeypatch.setattr(keeping, "READ", 30)
    assert (await manager.lease("bob", "lab")).name == "m2"
    assert manager.machine_of("ann", "lab").name == "m1"


TORN = "is broken, so its leases cannot be taken over"
LOCKED = "is in use by another service"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("is_torn", "said"), [(True, TORN), (False, LOCKED)])
async def test_an_old_file_that_cannot_be_taken_over_later_either_is_said_once(
    older, path, database, open_manager, quick, monkeypatch, caplog, is_torn, said
):
    """The database was away at the start, where this ends the service with the same sentence."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    monkeypatch.setattr(database, "trouble", "away")
    monkeypatch.setattr(database, "_ask_again", math.inf)
    manager = await open_manager(lab(1))
    path.write_bytes(older[:20]) if is_torn else lock.take()
    tried = []
    monkeypatch.setattr(manager, "sweep", lambda: tried.append(said))
    monkeypatch.setattr(database, "_ask_again", 0.0)
    await until(lambda: said in caplog.text)
    tried.clear()
    await until(lambda: len(tried) > 3)
    monkeypatch.setattr(keeping, "READ", 0.05)
    with pytest.raises(StoreUnavailable, match="have not been loaded yet"):
        await manager.lease("bob", "lab")
    (line,) = [record for record in caplog.records if said in record.getMessage()]
    assert (line.levelname, line.exc_info, line.exc_text) == ("ERROR", None, None)
    assert str(path) in line.getMessage()
    assert "Traceback" not in caplog.text
    path.write_bytes(older)
    lock.release()
    await until(lambda: manager.machine_of("ann", "lab"))


async def test_leases_outlive_tables_that_are_gone(open_manager, database, drop_tables, quick, monkeypatch, caplog):
    """Whoever restores a database while the service runs: what it knows is newer, and everybody keeps their machine."""
    monkeypatch.setattr(databases, "PAUSE", 3600)
    manager = await open_manager(lab(2))
    await manager.lease("ann", "lab")
    swept, sweep = [], manager.sweep
    monkeypatch.setattr(manager, "sweep", lambda: swept.append(database.trouble) or sweep())
    await drop_tables()
    with pytest.raises(StoreUnavailable):
        await manager.lease("bob", "lab")
    await until(lambda: any(swept))
    monkeypatch.setattr(databases, "PAUSE", 0)
    database._ask_again = 0.0
    bob = None
    async with asyncio.timeout(30):
        while bob is None:
            with suppress(StoreUnavailable):
                bob = await manager.lease("bob", "lab")
            await asyncio.sleep(0.01)
    assert bob.name == "m2"
    assert holders(await saved(database)) == {"ann": "m1", "bob": "m2"}
    assert manager.told == manager.moved == []
    gc.collect()
    for unwanted in ("Traceback", "never retrieved"):
        assert unwanted not in caplog.text


@pytest.mark.parametrize("changes", [100, pytest.param(1000, marks=[pytest.mark.endurance, pytest.mark.timeout(600)])])
async def test_killed_in_the_middle_of_many_changes_the_leases_are_what_was_answered(url, changes):
    """A process says of each change when it begins and when it is saved, until it is killed."""
    # It has so many to make that it is never done before it is killed.
    command = [sys.executable, lease_changes.__file__, url, str(100 * changes)]
    said = await asyncio.to_thread(_killed_in_the_middle, command, changes)
    last = dict(line.split() for line in said)
    assert "?" in last.values(), "it was killed in the middle of a change"
    database = Database(urls.parse(url), LOG)
    await database.open()
    state = await saved(database)
    await database.close()
    Kept.from_json(state["lab"], 1e12)
    found = holders(state)
    assert {user: found.get(user, "-") for user, machine in last.items() if machine != "?"} == {
        user: machine for user, machine in last.items() if machine != "?"
    }
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _killed_in_the_middle(command, changes):
    """Return all that a process has said until it was killed after half of its changes."""
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            while sum(not line.endswith("?\n") for line in said) < changes // 2:
                said.append(process.stdout.readline())
                assert said[-1], "it has ended by itself"
        finally:
            process.kill()
        return said + process.stdout.readlines()
