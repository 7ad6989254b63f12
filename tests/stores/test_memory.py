"""What only the store of one process has: its clock, and its entries to look at. The rest is every store's."""

import pytest

from jupyter_vnc.exceptions import LimitExceeded
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import MAX_STRANGERS, Grant, TokenRegistry

ANN = Grant("ann", "lab", "g1", Mode.CONTROL)
BOB = Grant("bob", "lab", "g1", Mode.VIEW)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def registry(clock, **limits):
    """A registry over such a store, and the store."""
    store = MemoryTokenStore(clock=clock, **limits)
    return TokenRegistry(store, clock=clock), store


async def test_it_holds_no_token(clock):
    tokens, store = registry(clock)
    issued = await tokens.issue(ANN)
    assert len(store._entries) == 1
    assert issued.token not in repr(store._entries)


async def test_a_user_has_so_many_unused_ones_and_others_are_not_held_up(clock):
    tokens, _ = registry(clock, per_user=2)
    first = await tokens.issue(ANN)
    clock.now += 10
    await tokens.issue(ANN)
    with pytest.raises(LimitExceeded) as caught:
        await tokens.issue(ANN)
    assert caught.value.retry_after == pytest.approx(20)
    await tokens.issue(BOB)
    # Refused, not evicted: the one that waits is still good.
    assert await tokens.redeem(first.token, "ann") == ANN
    await tokens.issue(ANN)


async def test_everybody_together_has_so_many(clock):
    tokens, store = registry(clock, total=2)
    await tokens.issue(ANN)
    await tokens.issue(BOB)
    with pytest.raises(LimitExceeded):
        await tokens.issue(Grant("cleo", "lab", "g1", Mode.VIEW))
    clock.now += 30
    await tokens.issue(ANN)
    assert len(store._entries) == 1


async def test_an_expired_one_is_nobodys(clock):
    _, store = registry(clock)
    await store.put("digest", ANN, 30)
    clock.now += 30
    assert await store.take("digest", "ann") is None


async def test_one_for_somebody_else_is_kept_until_too_many_strangers_came(clock):
    _, store = registry(clock)
    await store.put("digest", ANN, 30)
    for _ in range(MAX_STRANGERS - 1):
        assert await store.take("digest", "bob") is None
    assert len(store._entries) == 1
    assert await store.take("digest", "bob") is None
    assert not store._entries
    assert await store.take("digest", "ann") is None


async def test_all_of_a_user_or_of_a_target_are_taken_back(clock):
    _, store = registry(clock)
    for digest, grant in (("1", ANN), ("2", BOB), ("3", Grant("bob", "other", "g1", Mode.VIEW))):
        await store.put(digest, grant, 30)
    assert await store.revoke(user="bob", target="lab") == 1
    assert await store.revoke(target="lab") == 1
    assert await store.take("3", "bob") is not None
