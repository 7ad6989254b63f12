"""Tokens in a database that several processes use, is poisoned, and goes away."""

import asyncio
import base64
from dataclasses import replace
from itertools import cycle

import pytest
from sqlalchemy import func, select, update
from traitlets.config import LoggingConfigurable

from jupyter_vnc.exceptions import ConfigError, LimitExceeded, StoreUnavailable, TokenRefused
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.stores.database import database as databases
from jupyter_vnc.stores.database import tables
from jupyter_vnc.stores.database import tokens as token_rows
from jupyter_vnc.stores.database.tokens import DatabaseTokens
from jupyter_vnc.tokens import Grant, TokenRegistry
from tests.stores.server import database_store

ANN = Grant("ann", "lab", "g1", Mode.CONTROL)


@pytest.fixture
def three(url, database, open_database):
    """The stores of three processes on PostgreSQL; on SQLite there is one process."""
    if url.startswith("sqlite"):
        return [database_store(database) for _ in range(3)]
    return [database_store(open_database(url)) for _ in range(3)]


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.endurance)])
async def test_of_many_tokens_at_three_processes_each_gives_one_session(three, count):
    """Every token is presented to two of the three at the same time."""
    grants = {f"{n:064x}": Grant(f"u{n}", "lab", "g1", Mode.CONTROL) for n in range(count)}
    stores = cycle(three)
    await asyncio.gather(*(next(stores).put(digest, grant, 300) for digest, grant in grants.items()))
    tries = [next(stores).take(digest, grant.user) for digest, grant in grants.items() for _ in range(2)]
    taken = [grant for grant in await asyncio.gather(*tries) if grant is not None]
    assert sorted(taken, key=lambda one: one.user) == sorted(grants.values(), key=lambda one: one.user)


async def test_limits_hold_over_all_processes(three):
    for store in three:
        store.per_user = 4
    puts = [store.put(f"{n:064x}", ANN, 30) for n, store in zip(range(30), cycle(three), strict=False)]
    done = await asyncio.gather(*puts, return_exceptions=True)
    assert done.count(None) == 4
    assert sum(isinstance(one, LimitExceeded) for one in done) == 26


async def test_neither_token_nor_name_is_in_the_columns_that_are_searched(three, database):
    issued = await TokenRegistry(three[0]).issue(ANN)
    async with database.reading() as connection:
        row = (await connection.execute(select(tables.tokens))).mappings().one()
    assert issued.token not in str(row)
    assert {len(row["digest"]), len(row["user"]), len(row["target"])} == {64}


async def test_no_token_is_in_a_dump_of_the_database(three, database, url, dump_of):
    tokens = TokenRegistry(three[0])
    issued = [await tokens.issue(replace(ANN, user=f"ann{n}")) for n in range(3)]
    await tokens.redeem(issued[0].token, "ann0")
    with pytest.raises(TokenRefused):
        await tokens.redeem(issued[1].token, "eve")
    dump = await asyncio.to_thread(dump_of, url)
    assert b"ann1" in dump, "this is where the tokens are"
    for one in issued:
        value = base64.urlsafe_b64decode(one.token + "=")
        for canary in (one.token.encode(), value, value.hex().encode(), base64.b64encode(value)):
            assert canary not in dump


async def test_expired_tokens_are_deleted_a_step_at_a_time_and_count_for_nothing(three, database, monkeypatch):
    monkeypatch.setattr(token_rows, "STEP", 4)
    three[0].total = 10
    for number in range(10):
        await three[0].put(f"{number:064x}", replace(ANN, user=f"u{number}"), 30)
    async with database.writing() as connection:
        await connection.execute(update(tables.tokens).values(expires=0))
    three[0].total = 4
    assert await three[0].take(f"{9:064x}", "u9") is None

    async def rows():
        async with database.reading() as connection:
            return await connection.scalar(select(func.count()).select_from(tables.tokens))

    left = []
    for number in range(10, 14):
        await three[0].put(f"{number:064x}", ANN, 30)
        left.append(await rows())
    assert left == [7, 4, 3, 4]


@pytest.mark.parametrize("value", ["", "[]", "{}", "[" * 100_000, '{"user": "ann"}'])
async def test_what_is_not_a_grant_is_refused_and_dropped(three, database, value, caplog):
    tokens = TokenRegistry(three[0])
    issued = await tokens.issue(ANN)
    async with database.writing() as connection:
        await connection.execute(update(tables.tokens).values(grant=value))
    for _ in range(2):
        with pytest.raises(TokenRefused):
            await tokens.redeem(issued.token, "ann")
    assert caplog.text.count("is not a grant") == 1


async def test_while_the_database_is_away_tokens_get_503_and_then_work_again(
    postgres, postgresql_database, monkeypatch
):
    monkeypatch.setattr(databases, "PAUSE", 0)
    tokens = TokenRegistry(database_store(postgresql_database))
    issued = await tokens.issue(ANN)
    postgres.stop()
    try:
        for attempt in (tokens.issue(ANN), tokens.redeem(issued.token, "ann"), tokens.revoke()):
            with pytest.raises(StoreUnavailable) as caught:
                await attempt
            assert caught.value.http_status == 503
    finally:
        postgres.start()
    assert await tokens.redeem(issued.token, "ann") == ANN


def test_it_works_in_the_hub_service_only():
    with pytest.raises(ConfigError, match="works in the hub service only"):
        DatabaseTokens(parent=LoggingConfigurable())
