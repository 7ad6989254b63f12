"""What every token store must do, wherever it keeps them: one suite over all that are installed."""

import asyncio
import logging
import tomllib
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest

from jupyter_vnc.exceptions import LimitExceeded, TokenRefused
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import MAX_STRANGERS, STREAM, Grant, TokenRegistry
from tests.stores.server import database_store

#: Nothing in it is as it would be if it were forgotten.
ANN = Grant("ann", "lab", "g1", Mode.CONTROL, takeover=True, owner="eve", kind=STREAM, session="0123", server="own")
BOB = Grant("bob", "lab", "g1", Mode.VIEW)
#: How much two clocks may differ in a third of a second (seconds).
TICK = 0.02
#: Names that mean something to JSON, SQL or a file system; Jupyter's identity provider may give any.
ODD = ("", "*", "ann:bob", 'a"b\\', "a\nb", "a\0b", "Ünï 漢字 🙂", "\ud800", "x" * 1000)


def makers(request):
    """How each kind of store is made; what it stands on is there and empty."""
    if request.param == "memory":
        return MemoryTokenStore
    return partial(database_store, request.getfixturevalue(f"{request.param}_database"))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def build(request, jp_asyncio_loop):
    """Make a store with these limits; each is empty at first, and closed at the end."""
    stores = []
    make = makers(request)

    def build(**limits):
        stores.append(make(**limits))
        return stores[-1]

    yield build
    for store in stores:
        jp_asyncio_loop.run_until_complete(store.close())


@pytest.fixture
def tokens(build):
    return TokenRegistry(build())


async def refused(tokens, token, user):
    with pytest.raises(TokenRefused) as caught:
        await tokens.redeem(token, user)
    return str(caught.value)


def test_every_store_of_ours_is_here():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["jupyter_vnc.token_stores"].keys() == {"database", "memory"}


async def test_a_token_gives_its_grant_once(tokens):
    assert all(getattr(ANN, field.name) != field.default for field in fields(Grant))
    issued = await tokens.issue(ANN)
    assert await tokens.redeem(issued.token, "ann") == ANN
    await refused(tokens, issued.token, "ann")


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.endurance)])
async def test_of_many_at_once_one_succeeds(tokens, count):
    issued = await tokens.issue(ANN)
    results = await asyncio.gather(*(tokens.redeem(issued.token, "ann") for _ in range(count)), return_exceptions=True)
    assert [result for result in results if not isinstance(result, TokenRefused)] == [ANN]


@pytest.mark.parametrize("name", ODD)
async def test_any_name(tokens, name):
    grant = Grant(name, "lab", "g1", Mode.VIEW)
    issued = await tokens.issue(grant)
    await refused(tokens, issued.token, "ann")
    assert await tokens.redeem(issued.token, name) == grant
    await tokens.issue(grant)
    assert await tokens.revoke(user=name) == 1


async def test_all_refusals_read_the_same(tokens):
    spent, foreign = [(await tokens.issue(ANN)).token for _ in range(2)]
    await tokens.redeem(spent, "ann")
    cases = [(spent, "ann"), (foreign, "bob"), ("", "ann"), ("ünknown\0", "ann"), ("x" * 5000, "ann")]
    assert len({await refused(tokens, *case) for case in cases}) == 1


async def test_another_users_attempt_does_not_consume_it(tokens):
    issued = await tokens.issue(ANN)
    for _ in range(MAX_STRANGERS - 1):
        await refused(tokens, issued.token, "bob")
    assert await tokens.redeem(issued.token, "ann") == ANN


async def test_the_third_stranger_revokes_it(build, caplog):
    tokens = TokenRegistry(build(per_user=1))
    issued = await tokens.issue(ANN)
    with caplog.at_level(logging.WARNING):
        for _ in range(MAX_STRANGERS):
            await refused(tokens, issued.token, "bob")
    await refused(tokens, issued.token, "ann")
    assert "revoked" in caplog.text
    assert issued.token not in caplog.text
    await tokens.issue(ANN)  # and it counts no more


async def test_a_token_expires_and_makes_room(build):
    store = build(per_user=1)
    began = asyncio.get_running_loop().time()
    await store.put("a" * 64, ANN, 0.3)
    waits = []
    async with asyncio.timeout(60):
        while True:
            asked = asyncio.get_running_loop().time()
            try:
                await store.put("b" * 64, ANN, 30)
                break
            except LimitExceeded as error:
                waits.append(error.retry_after)
                await asyncio.sleep(error.retry_after + 0.001)
    assert waits or asked - began >= 0.3 - TICK, "it made no room before its time"
    assert all(0 <= wait <= 0.3 for wait in waits)
    assert await store.take("a" * 64, "ann") is None
    assert await store.take("b" * 64, "ann") == ANN


async def test_a_user_has_so_many_unused_ones_and_others_are_not_held_up(build):
    tokens = TokenRegistry(build(per_user=2))
    first = await tokens.issue(ANN)
    await tokens.issue(ANN)
    with pytest.raises(LimitExceeded) as caught:
        await tokens.issue(ANN)
    assert 0 < caught.value.retry_after <= 30
    await tokens.issue(BOB)
    # Refused, not evicted: the one that waits is still good.
    assert await tokens.redeem(first.token, "ann") == ANN
    await tokens.issue(ANN)


async def test_everybody_together_has_so_many(build):
    tokens = TokenRegistry(build(total=2))
    await tokens.issue(ANN)
    await tokens.issue(BOB)
    with pytest.raises(LimitExceeded) as caught:
        await tokens.issue(Grant("cleo", "lab", "g1", Mode.VIEW))
    assert 0 < caught.value.retry_after <= 30
    assert await tokens.revoke() == 2
    await tokens.issue(ANN)


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ({"user": "ann"}, {"bob"}),
        ({"target": "lab"}, set()),
        ({"user": "bob", "target": "lab"}, {"ann"}),
        ({"user": "bob", "target": "other"}, {"ann", "bob"}),
        ({}, set()),
    ],
)
async def test_revoking(build, which, left):
    tokens = TokenRegistry(build(per_user=1))
    issued = {grant.user: (await tokens.issue(grant)).token for grant in (ANN, BOB)}
    assert await tokens.revoke(**which) == 2 - len(left)
    for grant in (ANN, BOB):
        if grant.user in left:
            assert await tokens.redeem(issued[grant.user], grant.user) == grant
        else:
            await refused(tokens, issued[grant.user], grant.user)
        await tokens.issue(grant)


async def test_closes_as_often_as_one_likes(build):
    store = build()
    await store.put("a" * 64, ANN, 30)
    await store.close()
    await store.close()
