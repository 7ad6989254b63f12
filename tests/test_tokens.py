"""Tokens: how often, for how long, and nothing that is kept can be presented. What stores do is in ``stores/``."""

import pytest

from jupyter_vnc.exceptions import LimitExceeded, StoreUnavailable, TokenRefused
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import TOKEN_BYTES, Grant, TokenRegistry, TokenStore

ANN = Grant("ann", "lab", "g1", Mode.CONTROL)
BOB = Grant("bob", "lab", "g1", Mode.VIEW)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def registry(clock=None, store=None, **options):
    clock = clock or Clock()
    return TokenRegistry(store or MemoryTokenStore(clock=clock), clock=clock, **options)


async def test_a_token_gives_its_grant():
    tokens = registry()
    issued = await tokens.issue(ANN)
    assert await tokens.redeem(issued.token, "ann") == ANN
    assert issued.expires_in == 30.0
    assert len(issued.token) >= TOKEN_BYTES * 4 / 3
    assert issued.token not in repr(issued)


async def test_tokens_differ():
    tokens = registry(per_minute=0, store=MemoryTokenStore(per_user=200))
    assert len({(await tokens.issue(ANN)).token for _ in range(100)}) == 100


async def test_all_refusals_read_the_same():
    clock = Clock()
    tokens = registry(clock)
    spent, foreign, expired = [(await tokens.issue(ANN)).token for _ in range(3)]
    await tokens.redeem(spent, "ann")
    sentences = set()
    for token, user in ((spent, "ann"), (foreign, "bob"), ("", "ann"), ("ünknown\0", "ann"), ("x" * 5000, "ann")):
        with pytest.raises(TokenRefused) as caught:
            await tokens.redeem(token, user)
        sentences.add(str(caught.value))
    clock.now += 31
    with pytest.raises(TokenRefused) as caught:
        await tokens.redeem(expired, "ann")
    assert {str(caught.value)} == sentences


@pytest.mark.parametrize(("seconds", "valid"), [(0, True), (29.9, True), (30, False), (31, False)])
async def test_a_token_expires(seconds, valid):
    clock = Clock()
    tokens = registry(clock)
    issued = await tokens.issue(ANN)
    clock.now += seconds
    if valid:
        assert await tokens.redeem(issued.token, "ann") == ANN
    else:
        with pytest.raises(TokenRefused):
            await tokens.redeem(issued.token, "ann")


async def test_the_wall_clock_has_no_say(monkeypatch):
    tokens = TokenRegistry(MemoryTokenStore())
    issued = await tokens.issue(ANN)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert await tokens.redeem(issued.token, "ann") == ANN


async def test_issuing_has_a_rate():
    clock = Clock()
    tokens = registry(clock, store=MemoryTokenStore(per_user=99, clock=clock), per_minute=60, burst=3)
    for _ in range(3):
        await tokens.issue(ANN)
    with pytest.raises(LimitExceeded) as caught:
        await tokens.issue(ANN)
    assert caught.value.retry_after == pytest.approx(1)
    await tokens.issue(BOB)
    clock.now += 1
    await tokens.issue(ANN)


async def test_twenty_refusals_close_the_door_for_a_minute():
    clock = Clock()
    tokens = registry(clock, ttl=600)
    issued = await tokens.issue(ANN)
    for _ in range(20):
        with pytest.raises(TokenRefused):
            await tokens.redeem("guess", "ann")
    with pytest.raises(TokenRefused):
        await tokens.redeem(issued.token, "ann")
    clock.now += 61
    assert await tokens.redeem(issued.token, "ann") == ANN


async def test_a_store_that_is_down_is_not_replaced():
    class Down(TokenStore):
        async def put(self, digest, grant, ttl):
            raise StoreUnavailable

        async def take(self, digest, user):
            raise StoreUnavailable

    tokens = registry(store=Down())
    with pytest.raises(StoreUnavailable):
        await tokens.issue(ANN)
    with pytest.raises(StoreUnavailable):
        await tokens.redeem("x", "ann")
