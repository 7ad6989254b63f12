"""The pool manager: a whole course at once, restarts in the middle, files that cannot be had."""

import asyncio
import errno
import fcntl
import json
import logging
import os
import threading
from contextlib import asynccontextmanager, suppress

import pytest

from jupyter_vnc.exceptions import ConfigError, ServerStopping, SessionEnded, StoreUnavailable
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pools import keeping
from jupyter_vnc.pools import manager as leases
from jupyter_vnc.pools import state_file as lease_file
from jupyter_vnc.pools.lease import GRACE
from jupyter_vnc.pools.lease_keeper import FileLeases, LeaseKeeper
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.pools.presence import Present
from jupyter_vnc.pools.table import PoolTable

STUDENTS = [f"student-{number:02}" for number in range(30)]
PATIENCE = 20.0


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


def lab(count, **times):
    machines = (PoolMachine(f"m{number}", TCPAddress("127.0.0.1", number)) for number in range(1, count + 1))
    return Target(name="lab", address=PoolAddress(tuple(machines), **times))


def place(manager, user, target):
    """A user's place in the queue, from 1; None if they do not wait."""
    return manager.summary(user, target.name)["place"]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "leases.json"


@pytest.fixture
def open_manager(clock, path, jp_asyncio_loop):
    """Open managers on one file; each is closed at the end."""
    managers = []

    async def open_manager(target=None, file=path):
        manager = PoolManager(clock=clock, state_file=str(file or ""))
        manager.told, manager.moved = [], []
        manager.on_release = lambda *what: manager.told.append(what)
        manager.on_move = lambda *what: manager.moved.append(what)
        managers.append(manager)
        await manager.start()
        if target is not None:
            manager.configure(target)
        return manager

    yield open_manager
    for manager in managers:
        jp_asyncio_loop.run_until_complete(manager.close())


@pytest.fixture
def waiting(jp_asyncio_loop):
    """Start calls that wait; those that still do at the end are cancelled."""
    tasks = []

    def waiting(manager, user, target):
        tasks.append(jp_asyncio_loop.create_task(manager.lease(user, target.name)))
        return tasks[-1]

    yield waiting
    for task in tasks:
        task.cancel()
    if tasks:
        jp_asyncio_loop.run_until_complete(asyncio.wait(tasks))


async def until(condition):
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.002)


async def have(task):
    async with asyncio.timeout(PATIENCE):
        return await task


def on_disk(path):
    return {lease["user"]: lease["name"] for lease in lease_file.read(path)["lab"]["leases"]}


async def fill(manager, waiting, target, users=STUDENTS):
    """All come at the same instant; return who has what, and who waits with which place."""
    tasks = {user: waiting(manager, user, target) for user in users}
    size = len(target.address.machines)
    await until(lambda: sum(task.done() for task in tasks.values()) >= min(size, len(users)))
    got = {user: task.result().name for user, task in tasks.items() if task.done()}
    return got, {user: task for user, task in tasks.items() if not task.done()}


async def test_thirty_students_on_twenty_machines(open_manager, waiting, path):
    target = lab(20)
    manager = await open_manager(target)
    got, queue = await fill(manager, waiting, target)
    assert len(set(got.values())) == len(got) == 20
    assert [place(manager, user, target) for user in queue] == list(range(1, 11))
    assert on_disk(path) == got
    for leaving, coming in zip(list(got), queue, strict=False):
        assert manager.release(leaving, "lab")
        assert (await have(queue[coming])).name == got[leaving]
        assert on_disk(path)[coming] == got[leaving]
    assert manager.summary(STUDENTS[-1], "lab")["waiting"] == 0
    assert [user for user, _, _ in manager.told] == list(got)[:10]


async def test_a_restart_in_the_middle(open_manager, waiting):
    target = lab(20)
    manager = await open_manager(target)
    got, queue = await fill(manager, waiting, target)
    await manager.close()
    for task in queue.values():
        with pytest.raises(ServerStopping):
            await have(task)
    with pytest.raises(ServerStopping):
        await manager.lease("late", "lab")
    later = await open_manager(target)
    assert [place(later, user, target) for user in queue] == list(range(1, 11))
    # All come back at once, in another order than before.
    tasks = {user: waiting(later, user, target) for user in reversed(STUDENTS)}
    assert {user: (await have(tasks[user])).name for user in got} == got
    assert [place(later, user, target) for user in queue] == list(range(1, 11))
    first = next(iter(got))
    later.release(first, "lab")
    assert (await have(tasks[next(iter(queue))])).name == got[first]


async def test_killed_after_an_answer_it_is_on_the_disk(open_manager, waiting, path):
    target = lab(3)
    manager = await open_manager(target)
    got, _ = await fill(manager, waiting, target)
    moment = path.with_name("moment.json")
    moment.write_bytes(path.read_bytes())  # what a service finds that was killed now
    later = await open_manager(target, file=moment)
    assert {user: (await have(waiting(later, user, target))).name for user in got} == got


async def test_calls_of_one_user_share_lease_and_place(open_manager, waiting):
    target = lab(1)
    manager = await open_manager(target)
    first, second = waiting(manager, "ann", target), waiting(manager, "ann", target)
    assert await have(first) == await have(second)
    calls = [waiting(manager, "bob", target) for _ in range(3)]
    eve = waiting(manager, "eve", target)
    await until(lambda: place(manager, "eve", target) == 2)
    calls[0].cancel()
    await asyncio.gather(calls[0], return_exceptions=True)
    manager.release("ann", "lab")
    assert await have(calls[1]) == await have(calls[2])
    assert not eve.done()


async def test_a_user_who_stops_waiting_keeps_the_place_for_a_while(open_manager, waiting, clock):
    target = lab(1)
    manager = await open_manager(target)
    await have(waiting(manager, "ann", target))
    bob = waiting(manager, "bob", target)
    await until(lambda: place(manager, "bob", target) == 1)
    eve = waiting(manager, "eve", target)
    await until(lambda: place(manager, "eve", target) == 2)
    bob.cancel()
    await asyncio.gather(bob, return_exceptions=True)
    clock.now += GRACE - 1
    manager.sweep()
    assert place(manager, "bob", target) == 1
    manager.release("ann", "lab")
    await have(eve)  # who is there goes first
    assert place(manager, "bob", target) == 1
    clock.now += 1
    manager.sweep()
    assert place(manager, "bob", target) is None


async def test_a_user_who_is_taken_from_the_queue_is_told(open_manager, waiting):
    target = lab(1)
    manager = await open_manager(target)
    await have(waiting(manager, "ann", target))
    bob = waiting(manager, "bob", target)
    await until(lambda: place(manager, "bob", target) == 1)
    assert manager.release("bob", "lab", "The lesson is over.")
    with pytest.raises(SessionEnded):
        await have(bob)
    assert manager.told == [("bob", "lab", "The lesson is over.")]
    assert not manager.release("bob", "lab")
    assert not manager.release("bob", "nothing")
    assert not manager.all_in_maintenance("lab")


async def test_idle_and_unused_machines_are_taken_back(open_manager, waiting, clock, monkeypatch):
    monkeypatch.setattr(leases, "ROUND", 0.01)
    target = lab(2, idle_timeout=600.0)
    manager = await open_manager(target)
    ann, bob = [await have(waiting(manager, user, target)) for user in ("ann", "bob")]
    manager.succeeded("ann", "lab", ann)
    eve = waiting(manager, "eve", target)
    clock.now += GRACE
    assert await have(eve) == bob
    manager.touch("eve", "lab")
    clock.now += 599
    manager.touch("eve", "lab")
    clock.now += 1
    await until(lambda: len(manager.told) == 2)
    (first, _, came), (second, _, idle) = manager.told
    assert (first, second) == ("bob", "ann")
    assert "did not come" in came
    assert idle == "This machine was not used for 10 min, so it was taken back."
    assert [row["user"] for row in manager.rows("lab")].count(None) == 1


async def test_who_has_logged_in_keeps_the_machine(open_manager, waiting, clock):
    target = lab(2)
    manager = await open_manager(target)
    for user in ("ann", "bob"):
        await have(waiting(manager, user, target))
    clock.now += GRACE - 1
    manager.arrived("ann", "lab")
    clock.now += 1
    manager.sweep()
    assert [what[:2] for what in manager.told] == [("bob", "lab")]
    assert manager.machine_of("ann", "lab").name == "m1"


async def test_a_machine_that_fails(open_manager, waiting, clock, caplog):
    target = lab(2, retry_after=30.0)
    manager = await open_manager(target)
    first = await have(waiting(manager, "ann", target))
    second = manager.failed("ann", "lab", first)
    assert (first.name, second.name) == ("m1", "m2")
    assert manager.moved == []  # they were never on it
    manager.succeeded("ann", "lab", second)
    assert manager.failed("ann", "lab", second) == manager.failed("ann", "lab", second) == second
    assert manager.failed("ann", "lab", second) is None
    assert [what[:2] for what in manager.moved] == [("ann", "lab")]
    assert "machine m2 failed" in caplog.text
    again = waiting(manager, "ann", target)
    await until(lambda: place(manager, "ann", target) == 1)
    clock.now += 30
    manager.sweep()
    assert await have(again) in {first, second}


async def test_one_call_fails_while_another_waits(open_manager, waiting, clock):
    target = lab(1, retry_after=30.0)
    manager = await open_manager(target)
    machine = await have(waiting(manager, "ann", target))
    assert manager.failed("ann", "lab", machine) is None
    other = waiting(manager, "ann", target)
    await until(lambda: manager._calls["ann", "lab"] == 1)
    manager.failed("ann", "lab", machine)
    clock.now += 30
    manager.sweep()
    assert await have(other) == machine


async def test_a_machine_that_is_gone_from_the_configuration(open_manager, waiting):
    target = lab(3)
    manager = await open_manager(target)
    got = [await have(waiting(manager, user, target)) for user in ("ann", "bob", "eve")]
    assert [machine.name for machine in got] == ["m1", "m2", "m3"]
    manager.configure(lab(2))
    assert [row["user"] for row in manager.rows("lab")] == ["ann", "bob"]
    assert [what[:2] for what in manager.moved] == [("eve", "lab")]
    assert manager.told == [], "her viewers reconnect by themselves"
    assert place(manager, "eve", target) == 1


async def test_a_new_machine_goes_to_the_first_in_the_queue_at_once(open_manager, waiting):
    target = lab(1)
    manager = await open_manager(target)
    _, queue = await fill(manager, waiting, target, STUDENTS[:4])
    await until(lambda: manager.summary(STUDENTS[0], "lab")["waiting"] == 3)
    first, second, third = queue
    manager.configure(lab(2))
    assert (await have(queue[first])).name == "m2"
    # A session that has waited since before the change asks by name, and brings nothing back.
    assert manager.summary(second, "lab")["size"] == 2
    manager.configure(lab(3))
    assert (await have(queue[second])).name == "m3"
    assert not queue[third].done()
    assert (manager.told, manager.moved) == ([], [])


async def test_a_machine_that_is_taken_out_disturbs_its_user_only(open_manager, waiting):
    target = lab(2)
    manager = await open_manager(target)
    got, queue = await fill(manager, waiting, target, STUDENTS[:4])
    await until(lambda: manager.summary(STUDENTS[0], "lab")["waiting"] == 2)
    (loser,) = [user for user, name in got.items() if name == "m2"]
    manager.configure(lab(1))
    assert [what[:2] for what in manager.moved] == [(loser, "lab")]
    assert [place(manager, user, target) for user in (loser, *queue)] == [1, 2, 3]
    assert not any(task.done() for task in queue.values())
    back = waiting(manager, loser, target)
    await until(lambda: manager._calls[loser, "lab"])
    manager.release(next(user for user in got if user != loser), "lab")
    assert (await have(back)).name == "m1"


async def test_a_machine_that_is_gone_while_it_is_written_down_leaves_its_user_in_the_queue(
    open_manager, waiting, monkeypatch
):
    manager = await open_manager(lab(2))
    await have(waiting(manager, "bob", lab(2)))
    real = manager._keeping.keeper.save

    async def save():
        monkeypatch.undo()
        await real()
        manager.configure(lab(1))

    monkeypatch.setattr(manager._keeping.keeper, "save", save)
    ann = waiting(manager, "ann", lab(2))
    await until(lambda: manager.moved)
    assert [what[:2] for what in manager.moved] == [("ann", "lab")]
    assert place(manager, "ann", lab(1)) == 1
    manager.release("bob", "lab")
    assert (await have(ann)).name == "m1", "her call still waits, so she is present"


async def test_a_pool_that_is_gone_keeps_its_target_and_gives_nothing_out(open_manager, waiting):
    target = lab(2)
    manager = await open_manager(target)
    await have(waiting(manager, "ann", target))
    manager.withdraw("lab")
    bob = waiting(manager, "bob", target)
    await until(lambda: place(manager, "bob", target) == 1)
    manager.sweep()
    assert manager.machine_of("ann", "lab").name == "m1"
    assert manager.machine_of("bob", "lab") is None
    assert manager.target("lab") is target
    assert manager.target("nowhere") is None
    manager.configure(target)
    assert (await have(bob)).name == "m2"


@pytest.mark.parametrize("callback", ["watched", "on_idle"])
async def test_a_callback_that_fails_does_not_stop_the_rounds(
    open_manager, waiting, clock, monkeypatch, caplog, callback
):
    monkeypatch.setattr(leases, "ROUND", 0.01)
    target = lab(1, idle_timeout=600.0)
    manager = await open_manager(target)
    manager.succeeded("ann", "lab", await have(waiting(manager, "ann", target)))
    manager.watched = lambda name: {"ann"}
    setattr(manager, callback, lambda *what: what[99])
    clock.now += 599
    await until(lambda: "Leases could not be checked" in caplog.text)
    monkeypatch.undo()
    manager.watched = lambda name: ()
    with suppress(IndexError):
        manager.sweep()
    clock.now += 1 + GRACE
    await until(lambda: manager.told)


async def test_whoever_watches_keeps_the_machine_through_a_reload(open_manager, waiting, clock, path):
    target = lab(1, idle_timeout=600.0)
    manager = await open_manager(target)
    manager.succeeded("ann", "lab", await have(waiting(manager, "ann", target)))
    manager.watched = lambda name: {"ann"}
    manager.sweep()
    clock.now += 6000
    manager.watched = lambda name: ()
    manager.sweep()
    assert manager.told == []
    clock.now += GRACE - 1
    manager.arrived("ann", "lab")
    clock.now += 599
    manager.sweep()
    assert manager.told == []
    arrived = clock.now - 599
    await until(lambda: lease_file.read(path)["lab"]["leases"][0]["last_use"] == arrived)
    clock.now += 1
    manager.sweep()
    assert [user for user, *_ in manager.told] == ["ann"]


async def test_a_callback_that_fails_stops_nothing(open_manager, waiting, caplog):
    target = lab(1)
    manager = await open_manager(target)
    manager.on_release = lambda *what: what[99]
    await have(waiting(manager, "ann", target))
    bob = waiting(manager, "bob", target)
    await until(lambda: place(manager, "bob", target) == 1)
    assert manager.release("ann", "lab")
    await have(bob)
    assert "the sessions of ann were not notified" in caplog.text


async def test_input_is_written_seldom_and_nothing_twice(open_manager, waiting, clock, path, monkeypatch):
    target = lab(1)
    manager = await open_manager(target)
    await have(waiting(manager, "ann", target))
    manager.touch("ann", "lab")
    manager.sweep()
    await manager._keeping.keeper.save()
    written = []
    monkeypatch.setattr(lease_file, "write", lambda file, content: written.append(json.loads(content)))
    for _ in range(31):
        for _ in range(100):
            manager.touch("ann", "lab")
        clock.now += 1
        manager.sweep()
        await manager._keeping.keeper.save()
    assert len(written) == 1
    for _ in range(100):
        clock.now += 10
        manager.sweep()
        await manager._keeping.keeper.save()
    assert len(written) == 2  # the last touch, once
    manager.touch("nobody", "lab")
    manager.touch("ann", "nothing")


async def test_last_input_is_written_when_it_ends(open_manager, waiting, clock, path):
    target = lab(1)
    manager = await open_manager(target)
    await have(waiting(manager, "ann", target))
    clock.now += 5
    manager.touch("ann", "lab")
    await manager.close()
    assert lease_file.read(path)["lab"]["leases"][0]["last_input"] == clock.now


async def test_without_a_file_nothing_is_kept(open_manager, waiting, path):
    target = lab(1)
    manager = await open_manager(target, file=None)
    await have(waiting(manager, "ann", target))
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize(
    "content", [b"{", b'{"version": 1, "pools": {"lab": {}}}', b'{"version": 9, "pools": {}}', b"\0"]
)
async def test_a_broken_file_is_kept_and_the_service_goes_on(open_manager, waiting, path, caplog, content):
    path.write_bytes(content)
    manager = await open_manager()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert f"PoolManager.state_file: {path} is broken: " in record.getMessage()
    assert "leases.json.broken" in record.getMessage()
    assert record.exc_info is None
    assert path.with_name("leases.json.broken").read_bytes() == content
    manager.configure(lab(1))
    await have(waiting(manager, "ann", lab(1)))
    assert on_disk(path) == {"ann": "m1"}


@pytest.mark.parametrize("place", ["file/leases.json", "nowhere/leases.json", "."])
async def test_a_file_that_cannot_be_is_said_at_the_start(open_manager, tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as caught:
        await open_manager(file=tmp_path / place)
    assert caught.value.key == "PoolManager.state_file"
    assert str(tmp_path / place) in caught.value.message


async def test_a_second_service_on_the_file_is_refused_and_told_of_the_first(open_manager, waiting, path):
    manager = await open_manager(lab(1))
    await have(waiting(manager, "ann", lab(1)))
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            await open_manager(lab(1))
        assert f"{path} is in use by another service: process {os.getpid()} on " in caught.value.message
        assert caught.value.key == "PoolManager.state_file"
    assert path.read_bytes() == before
    await manager.close()
    later = await open_manager(lab(1))
    assert later.rows("lab")[0]["user"] == "ann"


@pytest.mark.parametrize("first_by_link", [True, False])
async def test_a_link_to_the_file_of_another_service_is_that_file(open_manager, waiting, tmp_path, path, first_by_link):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.json"
    link.symlink_to(path)
    path.write_bytes(lease_file.encode({}))
    first, second = (link, path) if first_by_link else (path, link)
    manager = await open_manager(lab(1), file=first)
    await have(waiting(manager, "ann", lab(1)))
    with pytest.raises(ConfigError, match="is in use by another service"):
        await open_manager(lab(1), file=second)
    assert link.is_symlink(), "what the administrator has made stays"
    assert on_disk(path) == {"ann": "m1"}


async def test_a_link_to_nowhere_or_to_itself_is_said_at_the_start(open_manager, tmp_path):
    for name, to in (("dangling", "nowhere.json"), ("loop", "loop")):
        (tmp_path / name).symlink_to(tmp_path / to)
        with pytest.raises(ConfigError, match=name):
            await open_manager(file=tmp_path / name)
    assert {one.name for one in tmp_path.iterdir()} == {"dangling", "loop"}


async def test_a_service_that_cannot_start_leaves_the_file_to_the_next(open_manager, path):
    path.mkdir()
    with pytest.raises(ConfigError):
        await open_manager()
    path.rmdir()
    await open_manager(lab(1))


async def test_a_file_that_can_be_read_and_not_written_is_left_to_the_next(open_manager, path):
    path.write_bytes(lease_file.encode({}))
    obstacle = path.with_name(".leases.json.new")
    obstacle.mkdir()
    with pytest.raises(ConfigError, match="leases cannot be kept there"):
        await open_manager()
    obstacle.rmdir()
    await open_manager(lab(1))


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
async def test_a_file_system_without_locks_is_said_and_used(open_manager, waiting, path, monkeypatch, caplog, number):
    def fail(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    manager = await open_manager(lab(1))
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"the file system of {path} has no locks: run one service only" in record.getMessage()
    await have(waiting(manager, "ann", lab(1)))
    assert on_disk(path) == {"ann": "m1"}


async def test_the_event_loop_does_not_encode_the_file(open_manager, waiting, monkeypatch):
    threads, real = [], lease_file.encode
    manager = await open_manager(lab(1))
    monkeypatch.setattr(lease_file, "encode", lambda pools: threads.append(threading.get_ident()) or real(pools))
    await have(waiting(manager, "ann", lab(1)))
    assert threads
    assert threading.get_ident() not in threads


async def test_a_lease_that_cannot_be_saved_is_not_given_out(open_manager, waiting, path, caplog):
    target = lab(2)
    manager = await open_manager(target)
    await have(waiting(manager, "ann", target))
    moved = path.parent.rename(path.parent.with_name("moved"))
    with pytest.raises(StoreUnavailable):
        await have(waiting(manager, "bob", target))
    with pytest.raises(StoreUnavailable):
        await have(waiting(manager, "bob", target))
    assert caplog.text.count("cannot be written: No such file") == 1
    moved.rename(path.parent)
    bob = await have(waiting(manager, "bob", target))
    assert on_disk(path) == {"ann": "m1", "bob": bob.name}


async def test_the_end_says_what_is_not_written(open_manager, waiting, path, caplog):
    target = lab(1)
    manager = await open_manager(target)
    await have(waiting(manager, "ann", target))
    path.parent.rename(path.parent.with_name("moved"))
    manager.release("ann", "lab")
    await manager.close()
    assert f"The last changes to the leases were not saved to {path}" in caplog.text


async def test_a_clock_that_was_set_back_or_forward_between_two_services(open_manager, waiting, clock):
    target = lab(1, idle_timeout=600.0)
    manager = await open_manager(target)
    got = await have(waiting(manager, "ann", target))
    await manager.close()
    for step in (-86400, 2 * 86400):
        clock.now += step
        later = await open_manager(target)
        assert later.rows("lab")[0]["user"] == "ann"
        later.sweep()
        assert await have(waiting(later, "ann", target)) == got
        await later.close()


async def test_what_is_asked_before_the_file_is_read_changes_nothing_in_it(clock, path, open_manager):
    first = await open_manager(lab(2))
    machine = await first.lease("ann", "lab")
    first.succeeded("ann", "lab", machine)
    await first.close()
    before = path.read_bytes()
    second = PoolManager(clock=clock, state_file=str(path))
    early = asyncio.create_task(second.lease("bob", "lab"))
    second.configure(lab(2))
    second.rows("lab")
    second.summary("ann", "lab")
    await asyncio.sleep(0.2)
    assert not early.done()
    assert path.read_bytes() == before
    await second.start()
    async with asyncio.timeout(PATIENCE):
        assert await early != machine, "the machine that the file gives to ann is hers"
        assert await second.lease("ann", "lab") == machine
    await second.close()


async def test_nothing_is_given_out_before_the_leases_are_loaded(clock, path, monkeypatch):
    monkeypatch.setattr(keeping, "READ", 0.05)
    with pytest.raises(StoreUnavailable):
        await PoolManager(clock=clock, state_file=str(path)).lease("ann", "lab")
    assert not path.exists()


async def test_nothing_is_given_out_before_what_else_has_to_be_known(clock, path, monkeypatch):
    monkeypatch.setattr(leases, "ROUND", 0.01)
    monkeypatch.setattr(keeping, "READ", 0.05)
    known, asked = asyncio.Event(), []

    async def before():
        asked.append(known.is_set())
        if not known.is_set():
            raise StoreUnavailable

    manager = PoolManager(clock=clock)
    log = logging.getLogger("tests.manager")
    manager.keep_with(lambda state, adopt: FileLeases(path, log, state), before)
    await manager.start()
    manager.configure(lab(1))
    with pytest.raises(StoreUnavailable):
        await manager.lease("ann", "lab")
    known.set()
    await until(lambda: asked[-1])
    assert (await manager.lease("ann", "lab")).name == "m1"
    assert asked.count(True) == 1
    await manager.close()


class Shared(LeaseKeeper):
    """Leases that other services have, too; each round looks at them, and may fail."""

    def __init__(self, state, adopt):
        super().__init__(logging.getLogger("tests.manager"), state)
        self.adopt, self.failures, self.saved, self.rounds = adopt, [], [], 0

    async def load(self, parse):
        parse({})

    async def refresh(self):
        self.rounds += 1
        if self.failures:
            raise self.failures.pop(0)

    async def _store(self):
        self.saved.append(self._state())


@asynccontextmanager
async def sharing(clock, monkeypatch):
    """A manager of shared leases, what keeps them, and what its users were told."""
    monkeypatch.setattr(leases, "ROUND", 0.01)
    manager, keepers, told = PoolManager(clock=clock), [], []

    def keep(state, adopt):
        keepers.append(Shared(state, adopt))
        return keepers[0]

    manager.keep_with(keep)
    manager.on_release = lambda *what: told.append(("release", *what[:2]))
    manager.on_move = lambda *what: told.append(("move", *what[:2]))
    await manager.start()
    manager.configure(lab(1))
    yield manager, keepers[0], told
    await manager.close()


def another_service(manager, state, count):
    """The table of another service that has read this state."""
    other = PoolTable(manager._clock, manager.maintenance)
    other.load(state)
    other.configure(lab(count))
    return other


async def test_a_machine_that_another_service_took_back_is_told_of(clock, monkeypatch):
    async with sharing(clock, monkeypatch) as (manager, keeper, told):
        await manager.lease("ann", "lab")
        other = another_service(manager, base := keeper.saved[-1], 1)
        other.of("lab").release("ann")
        other.of("lab").request("bob")
        keeper.adopt(base, other.to_json())
        assert told == [("release", "ann", "lab")]
        assert manager.machine_of("bob", "lab").name == "m1"


async def test_whoever_has_another_machine_by_another_service_is_moved(clock, monkeypatch):
    async with sharing(clock, monkeypatch) as (manager, keeper, told):
        manager.configure(lab(2))
        first = await manager.lease("ann", "lab")
        other = another_service(manager, base := keeper.saved[-1], 2)
        pool = other.of("lab")
        pool.request("bob")
        pool.release("ann")
        pool.request("eve")
        pool.release("bob")
        pool.request("ann")
        keeper.adopt(base, other.to_json())
        assert told == [("move", "ann", "lab")]
        assert manager.machine_of("ann", "lab") != first == manager.machine_of("eve", "lab")


async def test_what_keeps_the_leases_knows_who_is_here(clock, monkeypatch):
    async with sharing(clock, monkeypatch) as (manager, keeper, _):
        await manager.lease("ann", "lab")
        manager.watched = lambda name: {"ann"}
        waiting = asyncio.create_task(manager.lease("bob", "lab"))
        await until(lambda: keeper.here() == Present(frozenset({("lab", "bob")}), frozenset({("lab", "ann")})))
        manager.release("ann", "lab", "test")
        await waiting


async def test_what_keeps_the_leases_may_fail_and_the_rounds_go_on(clock, monkeypatch, caplog):
    async with sharing(clock, monkeypatch) as (manager, keeper, _):
        trouble = ConfigError("is torn", key="leases.json")
        keeper.failures = [StoreUnavailable(), trouble, trouble]
        await until(lambda: not keeper.failures)
        rounds = keeper.rounds
        await until(lambda: keeper.rounds > rounds + 1)
        said = [record.getMessage() for record in caplog.records]
        (line,) = [one for one in said if "No machine is given out" in one]
        assert line.startswith(str(trouble))
        assert (await manager.lease("ann", "lab")).name == "m1"


async def test_a_pool_that_is_withdrawn_before_the_leases_are_loaded_stays_withdrawn(clock, path, waiting):
    manager = PoolManager(clock=clock, state_file=str(path))
    manager.configure(lab(1))
    manager.withdraw("lab")
    await manager.start()
    waits = waiting(manager, "ann", lab(1))
    await until(lambda: waits.done() or manager.waiting("lab"))
    assert not waits.done()
    manager.configure(lab(1))
    assert (await have(waits)).name == "m1"
    await manager.close()


async def test_a_manager_that_was_never_started_leaves_the_file_alone(clock, path, open_manager):
    first = await open_manager(lab(2))
    await first.lease("ann", "lab")
    await first.close()
    before = path.read_bytes()
    other = PoolManager(clock=clock, state_file=str(path))
    other.configure(lab(2))
    other.rows("lab")
    await other.close()
    assert path.read_bytes() == before


async def test_the_room_sees_who_has_a_machine_and_who_waits(open_manager, waiting):
    target = lab(1)
    manager = await open_manager(target)
    assert (await have(waiting(manager, "ann", target))).name == "m1"
    waiting(manager, "bob", target)
    await until(lambda: manager.waiting("lab"))
    (machine,), (next_one,) = manager.rows("lab"), manager.waiting("lab")
    assert (machine["machine"], machine["user"], next_one["user"]) == ("m1", "ann", "bob")
    assert "127.0.0.1" not in str(machine)


async def test_a_machine_that_fails_while_it_is_written_down_is_not_given_out(open_manager, waiting, monkeypatch):
    target = lab(2)
    manager = await open_manager(target)
    real, tried = manager._keeping.keeper.save, []

    async def save():
        await real()
        if not tried:
            tried.append(manager.machine_of("ann", "lab"))
            manager.failed("ann", "lab", tried[0])

    monkeypatch.setattr(manager._keeping.keeper, "save", save)
    given = await have(waiting(manager, "ann", target))
    assert {given.name, tried[0].name} == {"m1", "m2"}
    assert manager.machine_of("ann", "lab") == given


async def test_a_round_that_fails_is_followed_by_the_next(open_manager, monkeypatch, caplog):
    manager = await open_manager(lab(1))
    swept, failing = asyncio.Event(), [True]

    def sweep():
        if failing:
            failing.pop()
            raise RuntimeError("for once")
        swept.set()

    monkeypatch.setattr(manager, "sweep", sweep)
    async with asyncio.timeout(PATIENCE):
        while not swept.is_set():
            manager.bell.ring()
            await asyncio.sleep(0.01)
    assert not failing
    assert caplog.text.count("Leases could not be checked; trying again") == 1
