"""The processes that share a database: what each hears of the others, and when one is dead."""

import asyncio
import logging

import pytest
from sqlalchemy import select, text, update

from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.pools.presence import BEAT, DEAD, Present
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.tables import processes

LOG = logging.getLogger("tests.processes")
ANN, BOB = Present(waits=frozenset({("lab", "ann")})), Present(watches=frozenset({("lab", "bob")}))


@pytest.fixture
def three(database, hours):
    return [Processes(database, LOG, lambda: hours[0]) for _ in range(3)]


async def heard(one):
    async with one.database.reading() as connection:
        return await one.others(connection)


async def rows(database):
    async with database.reading() as connection:
        return {row.id: row for row in await connection.execute(select(processes))}


async def let(hours, seconds, *living):
    """Let time go by, in which some say that they live, and the others nothing."""
    for _ in range(int(seconds)):
        hours[0] += 1
        for one, present in living:
            await one.beat(present)


async def test_each_hears_who_is_at_the_others_and_not_itself(three, database):
    one, two, third = three
    assert await heard(one) == Present()
    await one.beat(ANN)
    await two.beat(BOB)
    assert (await heard(one), await heard(two), await heard(third)) == (BOB, ANN, ANN | BOB)
    await one.beat(Present())
    assert await heard(third) == BOB
    await two.leave()
    assert await heard(third) == Present()
    assert (await rows(database)).keys() == {one.id}


async def test_nothing_is_written_that_is_known_and_not_due(three, database, hours):
    one = three[0]
    await one.beat(ANN)
    before = (await rows(database))[one.id]
    hours[0] += BEAT - 1
    await one.beat(ANN)
    assert (await rows(database))[one.id] == before
    hours[0] += 1
    await one.beat(ANN)
    assert (await rows(database))[one.id].seen > before.seen


async def test_one_that_is_silent_for_too_long_is_dead_and_its_row_goes(three, database, hours, caplog):
    one, two, third = three
    for process, present in ((one, ANN), (two, BOB), (third, Present())):
        await process.beat(present)
    living = ((two, BOB), (third, Present()))
    await let(hours, DEAD - 1, *living)
    assert await heard(third) == ANN | BOB
    await let(hours, 2, *living)
    assert await heard(third) == await heard(one) | BOB == BOB
    await let(hours, BEAT, *living)
    assert (await rows(database)).keys() == {two.id, third.id}
    assert caplog.text.count("Another process of the service is dead: process ") == 1
    await one.beat(ANN)
    assert await heard(third) == ANN | BOB, "it was only held up"


async def test_after_an_outage_nobody_is_dead_because_all_were_silent(three, database, hours):
    one, two, _ = three
    living = ((one, ANN), (two, BOB))
    await let(hours, DEAD + 1, *living)
    await let(hours, 300)
    await one.beat(ANN)
    assert await heard(one) == BOB
    await let(hours, DEAD - 1, (one, ANN))
    assert (await heard(one), len(await rows(database))) == (BOB, 2)
    await let(hours, BEAT + 1, (one, ANN))
    assert (await heard(one), len(await rows(database))) == (Present(), 1)


async def test_one_of_another_version_lives_and_its_users_are_not_known(three, database):
    one, two, third = three
    await one.beat(ANN)
    await two.beat(BOB)
    async with database.writing() as connection:
        await connection.execute(update(processes).where(processes.c.id == one.id).values(present="[]"))
    assert await heard(third) == BOB


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_while_the_database_is_away_what_was_not_said_is_said_later(three, database, postgres):
    one, two, _ = three
    await one.beat(Present())
    postgres.stop()
    try:
        with pytest.raises(StoreUnavailable):
            await one.beat(ANN)
    finally:
        postgres.start()
    database._ask_again = 0.0
    await one.beat(ANN)
    assert await heard(two) == ANN


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_two_first_words_at_once_are_one(three, database):
    one = three[0]
    async with asyncio.timeout(30):
        async with database.writing() as connection:
            await one.say(connection, ANN)
            second = asyncio.create_task(one.beat(BOB))
            while not await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                await asyncio.sleep(0.01)
        await second
    assert await heard(three[1]) == BOB
