"""Targets and machines in maintenance, over a real SQLite database."""

import asyncio
import logging
import math

import pytest

from jupyter_vnc.exceptions import InMaintenance, TargetNotFound
from jupyter_vnc.hub.editor import Editor
from jupyter_vnc.hub.leases import keep_leases
from jupyter_vnc.hub.registry.maintenance import MaintenanceService, state_of
from jupyter_vnc.hub.registry.service import open_registry
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pools import manager as pool_manager
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.stores.database.maintenance import MaintenanceStore
from jupyter_vnc.stores.database.processes import Processes

LOG = logging.getLogger("tests.maintenance")
ADMIN = Editor("root", local=True)
OF_A, OF_B = (Editor(f"of-{group}", frozenset({f"course-{group}"})) for group in "ab")
POOL = PoolAddress(tuple(PoolMachine(f"m{number}", TCPAddress("127.0.0.1", number)) for number in (1, 2)))
LAB = Target(name="lab", address=POOL, allow_groups=frozenset({"course-a"}))


@pytest.fixture
def registry(tmp_path, jp_asyncio_loop):
    url = f"sqlite:///{tmp_path}/vnc.sqlite"
    opened = jp_asyncio_loop.run_until_complete(open_registry(url, "", str(tmp_path / "keys"), LOG))
    yield opened
    jp_asyncio_loop.run_until_complete(opened.close())


def service(registry, told):
    return MaintenanceService(registry.database, Maintenance(), lambda *what: told.append(what), LOG)


async def test_one_machine_and_the_whole_target_go_out_and_come_back(registry):
    told = []
    one = service(registry, told)
    await one.put(OF_A, LAB, "m1", True)
    await one.put(OF_A, LAB, "m1", True)
    await one.put(ADMIN, LAB, "", True)
    assert state_of(one._known, "lab") == {"maintenance": True, "machines": ["m1"]}
    await one.put(ADMIN, LAB, "", False)
    assert state_of(one._known, "lab") == {"maintenance": False, "machines": ["m1"]}
    assert told == [
        (("lab", "m1"), True, "of-a"),
        (("lab", ""), True, "root"),
        (("lab", ""), False, "root"),
    ], "told once for each change"


async def test_a_look_that_takes_long_brings_back_nothing_that_was_changed_meanwhile(registry, monkeypatch):
    one = service(registry, [])
    read, looked, go_on = one._store.all, asyncio.Event(), asyncio.Event()

    async def slow_at_first():
        found = await read()
        if not looked.is_set():
            looked.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(one._store, "all", slow_at_first)
    look = asyncio.create_task(one.refresh())
    await looked.wait()
    change = asyncio.create_task(one.put(ADMIN, LAB, "", True))
    async with asyncio.timeout(30):
        while not await read():
            await asyncio.sleep(0.01)
    await asyncio.wait({change}, timeout=0.2)  # as far as it goes without the first
    go_on.set()
    await asyncio.gather(look, change)
    assert state_of(one._known, "lab")["maintenance"]


async def test_it_survives_a_restart_and_is_in_the_history_of_the_group(registry):
    await service(registry, []).put(OF_A, LAB, "m1", True)
    again = service(registry, [])
    await again.start()
    await again.close()
    assert again._known.machines("lab") == ["m1"]
    assert await MaintenanceStore(registry.database).all() == {("lab", "m1")}
    (row,) = await registry.registry.history(OF_A)
    assert (row["by"], row["action"], row["changed"]) == ("of-a", "maintain", {"maintenance": [False, True]})
    assert await registry.registry.history(OF_B) == []


@pytest.mark.parametrize(("editor", "machine"), [(OF_B, ""), (OF_B, "m1"), (OF_A, "m3"), (ADMIN, "m3")])
async def test_what_is_not_theirs_or_not_there_is_refused_alike(registry, editor, machine):
    told = []
    one = service(registry, told)
    with pytest.raises(TargetNotFound):
        await one.put(editor, LAB, machine, True)
    assert told == []
    assert await MaintenanceStore(registry.database).all() == frozenset()


@pytest.mark.parametrize(("target", "machine"), [("l" * 65, ""), ("l" * 65, "m1"), ("lab", "m" * 65)])
async def test_a_name_that_is_too_long_for_the_table_is_refused(registry, target, machine):
    """A list of addresses makes long names of machines, and a token file of targets."""
    pool = PoolAddress(tuple(PoolMachine(name, TCPAddress(name, 5900)) for name in ("m1", "m" * 65)))
    with pytest.raises(TargetNotFound):
        await service(registry, []).put(ADMIN, Target(name=target, address=pool), machine, True)
    assert await MaintenanceStore(registry.database).all() == frozenset()


async def test_a_target_for_everybody_is_no_managers_of_a_group(registry):
    with pytest.raises(TargetNotFound):
        await service(registry, []).put(OF_A, Target(name="all", address=TCPAddress("127.0.0.1", 1)), "", True)


def test_the_refusal_is_said_in_words():
    assert (InMaintenance().http_status, InMaintenance().reason) == (409, "maintenance")


async def test_a_machine_that_has_left_the_pool_can_be_put_back(registry):
    one = service(registry, [])
    await one.put(OF_A, LAB, "m1", True)
    less = Target(name="lab", address=PoolAddress(POOL.machines[1:]), allow_groups=LAB.allow_groups)
    await one.put(OF_A, less, "m1", False)
    assert await MaintenanceStore(registry.database).all() == frozenset()
    with pytest.raises(TargetNotFound):
        await one.put(OF_A, less, "m1", True)


async def test_a_target_that_is_removed_takes_its_maintenance_along(registry):
    one = service(registry, [])
    other = Target(name="lab-2", address=POOL)
    await registry.registry.save(ADMIN, "lab", {"host": "a"}, 0)
    for target, machine in ((LAB, ""), (LAB, "m1"), (other, "m1")):
        await one.put(ADMIN, target, machine, True)
    await registry.registry.remove(ADMIN, "lab", None)
    assert await MaintenanceStore(registry.database).all() == {("lab-2", "m1")}


async def test_the_history_names_the_machine(registry):
    await service(registry, []).put(ADMIN, LAB, "m1", True)
    assert (await registry.registry.history(ADMIN))[0]["machine"] == "m1"


async def test_leases_that_are_loaded_late_know_what_is_in_maintenance(registry, monkeypatch):
    """The database was away at the start, and is back long before the next look at maintenance."""
    monkeypatch.setattr(pool_manager, "ROUND", 0.01)
    await service(registry, []).put(ADMIN, LAB, "m1", True)
    pools, database = PoolManager(), registry.database
    one = MaintenanceService(database, pools.maintenance, lambda *what: None, LOG)
    keep_leases(pools, Processes(database, LOG), one, LOG)
    database.trouble, database._ask_again = "away", math.inf
    await one.start()
    await pools.start()
    pools.configure(LAB)
    database._ask_again = 0.0
    async with asyncio.timeout(20):
        assert (await pools.lease("ann", "lab")).name == "m2"
    await pools.close()
    await one.close()
