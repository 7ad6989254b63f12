"""Tokens: how often, for how long, and nothing that is kept can be presented. What stores do is in ``stores/``."""

import base64
import hashlib

import pytest

from jupyter_vnc.exceptions import LimitExceeded, StoreUnavailable, TokenRefused
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import MAX_STRANGERS, TOKEN_BYTES, Grant, TokenRegistry, TokenStore, too_many_unused

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
    assert len(base64.urlsafe_b64decode(issued.token + "=")) == TOKEN_BYTES == 32
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
    assert str(caught.value) == "Too many connection attempts. Wait a moment and try again."
    assert caught.value.retry_after == pytest.approx(1)
    await tokens.issue(BOB)
    clock.now += 1
    await tokens.issue(ANN)


async def test_twenty_refusals_close_the_door_for_a_minute():
    clock = Clock()
    tokens = registry(clock, ttl=600)
    issued = await tokens.issue(ANN)
    digest = hashlib.sha256(b"guess").hexdigest()[:8]
    for _ in range(20):
        with pytest.raises(TokenRefused) as caught:
            await tokens.redeem("guess", "ann")
        assert caught.value.detail == f"token {digest}… of 'ann' is not there"
    clock.now += 59.9
    with pytest.raises(TokenRefused) as caught:
        await tokens.redeem(issued.token, "ann")
    assert caught.value.detail == "too many refused tokens of 'ann'"
    clock.now += 0.1
    assert await tokens.redeem(issued.token, "ann") == ANN


@pytest.mark.parametrize(
    ("between", "refused"), [("a token that is good", False), ("a minute and more", False), ("", True)]
)
async def test_refusals_close_the_door_where_nothing_is_between_them(between, refused):
    clock = Clock()
    tokens = registry(clock, ttl=600)
    good, last = [(await tokens.issue(ANN)).token for _ in range(2)]
    for number in range(20):
        if number == 19 and between.startswith("a token"):
            await tokens.redeem(good, "ann")
        clock.now += 60.5 if number == 19 and between.startswith("a minute") else 0.5
        with pytest.raises(TokenRefused):
            await tokens.redeem("guess", "ann")
    if refused:
        with pytest.raises(TokenRefused):
            await tokens.redeem(last, "ann")
    else:
        assert await tokens.redeem(last, "ann") == ANN


async def test_refusals_within_a_minute_of_each_other_are_in_a_row():
    clock = Clock()
    tokens = registry(clock, ttl=6000)
    token = (await tokens.issue(ANN)).token
    for _ in range(20):
        clock.now += 60
        with pytest.raises(TokenRefused):
            await tokens.redeem("guess", "ann")
    with pytest.raises(TokenRefused):
        await tokens.redeem(token, "ann")


async def test_a_user_has_twenty_tokens_at_once_and_one_a_second():
    clock = Clock()
    tokens = registry(clock, store=MemoryTokenStore(per_user=99, clock=clock))
    for _ in range(20):
        await tokens.issue(ANN)
    for _ in range(3):
        with pytest.raises(LimitExceeded) as caught:
            await tokens.issue(ANN)
        assert caught.value.retry_after == pytest.approx(1)
        clock.now += 1
        await tokens.issue(ANN)


async def test_the_log_names_no_token_that_somebody_else_presents(caplog):
    tokens = registry()
    token = (await tokens.issue(ANN)).token
    for _ in range(MAX_STRANGERS):
        with pytest.raises(TokenRefused):
            await tokens.redeem(token, "bob")
    digest = hashlib.sha256(token.encode()).hexdigest()[:8]
    assert caplog.messages == [
        *(f"Token {digest}… of another user was presented ({count} time(s))" for count in range(1, MAX_STRANGERS + 1)),
        f"Token {digest}… is revoked",
    ]
    with pytest.raises(TokenRefused):
        await tokens.redeem(token, "ann")


@pytest.mark.parametrize(("wait", "retry_after"), [(7.5, 7.5), (0.5, 0.5), (0, 0), (-3, 0)])
def test_one_token_too_many_says_when_there_is_room(wait, retry_after):
    refusal = too_many_unused(wait)
    assert str(refusal) == "Too many connections are being opened. Try again in a moment."
    assert refusal.retry_after == retry_after


@pytest.mark.parametrize(
    ("which", "left"),
    [({"user": "ann"}, ["bob"]), ({"target": "lab"}, []), ({"user": "ann", "target": "other"}, ["ann", "bob"])],
)
async def test_unused_tokens_are_revoked_by_user_and_by_target(which, left):
    tokens = registry()
    issued = {grant.user: (await tokens.issue(grant)).token for grant in (ANN, BOB)}
    assert await tokens.revoke(**which) == len(issued) - len(left)
    for user, token in issued.items():
        if user in left:
            assert (await tokens.redeem(token, user)).user == user
        else:
            with pytest.raises(TokenRefused):
                await tokens.redeem(token, user)


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


async def test_the_store_is_closed_with_the_tokens():
    class Closing(MemoryTokenStore):
        closed = False

        async def close(self):
            self.closed = True

    store = Closing()
    await registry(store=store).close()
    assert store.closed
