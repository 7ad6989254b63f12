"""What is in maintenance, over each kind of database: begun and ended once, whoever else does the same at once."""

import asyncio

import pytest
from sqlalchemy import select, text

from jupyter_vnc.stores.database.maintenance import MaintenanceStore
from jupyter_vnc.stores.database.tables import changes, maintenance

LAB = ("lab", "m1")


@pytest.fixture
def another(database, url, open_database):
    """The same database, as one more process has it."""
    return open_database(url)


async def rows(database, table):
    async with database.reading() as connection:
        return [dict(row) for row in (await connection.execute(select(table))).mappings()]


async def test_what_has_begun_keeps_who_began_it_and_since_when(database):
    assert await MaintenanceStore(database, lambda: 5.0).put(LAB, True, "ada", "{}")
    assert not await MaintenanceStore(database, lambda: 6.0).put(LAB, True, "bob", "{}")
    assert await rows(database, maintenance) == [{"target": "lab", "machine": "m1", "since": 5.0, "by": "ada"}]
    assert [(row["by"], row["action"]) for row in await rows(database, changes)] == [("ada", "maintain")]


async def test_what_is_over_ends_once(database):
    store = MaintenanceStore(database)
    await store.put(LAB, True, "ada", "{}")
    assert [await store.put(LAB, False, "bob", "{}") for _ in range(2)] == [True, False]
    assert await store.all() == frozenset()
    assert [row["action"] for row in await rows(database, changes)] == ["maintain", "in service"]


async def test_of_many_who_do_the_same_at_once_one_does_it(database, another):
    stores = [MaintenanceStore(one) for one in (database, another)]
    for begins in (True, False):
        done = await asyncio.gather(*(stores[nth % 2].put(LAB, begins, f"u{nth}", "{}") for nth in range(8)))
        assert sorted(done) == [False] * 7 + [True]
    assert len(await rows(database, changes)) == 2


async def test_who_begins_while_another_one_has_not_finished_waits_and_changes_nothing(postgresql_database):
    """PostgreSQL lets both go on until the second one writes the same row."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with postgresql_database.writing() as first:
        row = {"target": "lab", "machine": "m1", "since": 5.0, "by": "ada"}
        await first.execute(maintenance.insert().values(row))
        second = asyncio.create_task(MaintenanceStore(postgresql_database).put(LAB, True, "bob", "{}"))
        async with asyncio.timeout(30):
            while not await first.scalar(waiting):
                await asyncio.sleep(0.01)
    assert await second is False
    assert await rows(postgresql_database, maintenance) == [row]
