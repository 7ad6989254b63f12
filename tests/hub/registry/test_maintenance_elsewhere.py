"""Maintenance that another process of the service has begun or ended is told to whoever is here, once."""

import logging
from unittest.mock import AsyncMock

import pytest

from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.hub.editor import Editor
from jupyter_vnc.hub.registry.maintenance import MaintenanceService
from jupyter_vnc.hub.registry.service import open_registry
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.targets import Target

LOG = logging.getLogger("tests.maintenance")
ADA, EVE = Editor("ada", local=True), Editor("eve", local=True)
POOL = PoolAddress(tuple(PoolMachine(f"m{number}", TCPAddress("127.0.0.1", number)) for number in (1, 2)))
LAB = Target(name="lab", address=POOL)


@pytest.fixture
def registry(tmp_path, jp_asyncio_loop):
    url = f"sqlite:///{tmp_path}/vnc.sqlite"
    opened = jp_asyncio_loop.run_until_complete(open_registry(url, "", str(tmp_path / "keys"), LOG))
    yield opened
    jp_asyncio_loop.run_until_complete(opened.close())


@pytest.fixture
def two(registry):
    """The service of two processes, and what the second one tells."""
    told = []
    first = MaintenanceService(registry.database, Maintenance(), lambda *what: None, LOG)
    return first, MaintenanceService(registry.database, Maintenance(), lambda *what: told.append(what), LOG), told


async def test_it_is_told_by_whom_and_once(two):
    first, second, told = two
    await first.put(ADA, LAB, "m1", True)
    await first.put(ADA, LAB, "", True)
    for _ in range(2):
        await second.refresh()
    assert told == [(("lab", ""), True, "ada"), (("lab", "m1"), True, "ada")]
    told.clear()
    await first.put(EVE, LAB, "m1", False)
    await first.put(ADA, LAB, "m2", True)
    for _ in range(2):
        await second.refresh()
    assert sorted(told) == [(("lab", "m1"), False, "eve"), (("lab", "m2"), True, "ada")]


async def test_what_was_there_at_the_start_is_no_news(two):
    first, second, told = two
    await first.put(ADA, LAB, "m1", True)
    await second.start()
    await second.close()
    assert (told, second._known.machines("lab")) == ([], ["m1"])


async def test_what_goes_with_its_target_is_not_told_as_over(two, registry):
    first, second, told = two
    await registry.registry.save(ADA, "lab", {"host": "a"}, 0)
    await first.put(ADA, LAB, "", True)
    await second.refresh()
    told.clear()
    await registry.registry.remove(ADA, "lab", None)
    await second.refresh()
    assert (told, second._known.places) == ([], frozenset())


async def test_nobody_new_gets_it_from_the_first_answer_on_and_it_is_told_later(two, monkeypatch):
    first, second, told = two
    real, known = second._store.decided_by, []
    await first.put(ADA, LAB, "m1", True)

    async def away(changed):
        known.append(second._known.places)
        raise StoreUnavailable

    monkeypatch.setattr(second._store, "decided_by", away)
    await second.refresh()
    assert (known, told) == ([{("lab", "m1")}], [])
    monkeypatch.setattr(second._store, "decided_by", real)
    await second.refresh()
    assert told == [(("lab", "m1"), True, "ada")]


async def test_of_many_machines_one_question_tells_who_decided_it(two, monkeypatch):
    first, second, told = two
    machines = tuple(PoolMachine(f"m{number:03}", TCPAddress("127.0.0.1", number)) for number in range(1, 41))
    lab = Target(name="lab", address=PoolAddress(machines))
    for machine in machines:
        await first.put(ADA, lab, machine.name, True)
    asked = AsyncMock(side_effect=second._store.decided_by)
    monkeypatch.setattr(second._store, "decided_by", asked)
    await second.refresh()
    assert told == [(("lab", machine.name), True, "ada") for machine in machines]
    assert asked.await_count == 1
