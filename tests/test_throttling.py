"""The token bucket and the breaker, on a clock that the test turns."""

import pytest

from jupyter_vnc import throttling as limits
from jupyter_vnc.exceptions import LimitExceeded
from jupyter_vnc.throttling import Breaker, RateLimit


class Clock:
    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def spends(limit, key, times=100):
    for count in range(times):
        try:
            limit.spend(key)
        except LimitExceeded:
            return count
    return times


def test_a_burst_and_then_the_rate(clock):
    limit = RateLimit(30, 4, what="tries", clock=clock)
    assert spends(limit, "ann") == 4
    with pytest.raises(LimitExceeded) as caught:
        limit.spend("ann")
    assert str(caught.value) == "Too many tries. Wait a moment and try again."
    assert caught.value.retry_after == pytest.approx(2)
    clock.now += 0.5
    with pytest.raises(LimitExceeded) as caught:
        limit.spend("ann")
    assert caught.value.retry_after == pytest.approx(1.5)
    clock.now += caught.value.retry_after
    assert spends(limit, "ann") == 1


def test_a_bucket_never_holds_more_than_a_burst(clock):
    limit = RateLimit(60, 3, what="tries", clock=clock)
    spends(limit, "ann")
    clock.now += 3600
    assert spends(limit, "ann") == 3


def test_keys_do_not_share(clock):
    limit = RateLimit(60, 2, what="tries", clock=clock)
    spends(limit, "ann")
    assert spends(limit, "bob") == 2


def test_zero_is_no_limit(clock):
    assert spends(RateLimit(0, 1, what="tries", clock=clock), "ann", 1000) == 1000


@pytest.mark.parametrize(("per_minute", "refill"), [(60, 2), (30, 4), (240, 0.5)])
def test_idle_keys_are_forgotten_once_their_bucket_is_full(clock, per_minute, refill):
    limit = RateLimit(per_minute, 2, what="tries", clock=clock)
    for number in range(limits._SWEEP_AT):
        limit.spend(str(number))
    clock.now += refill - 0.25
    limit.spend("late")
    assert len(limit._buckets) == limits._SWEEP_AT + 1
    clock.now += 0.25
    limit.spend("new")
    assert list(limit._buckets) == ["late", "new"]


def test_a_key_in_use_is_not_forgotten(clock):
    limit = RateLimit(60, 2, what="tries", clock=clock)
    for number in range(limits._SWEEP_AT):
        limit.spend(str(number))
    clock.now += 3
    assert spends(limit, "7") == 2
    limit.spend("new")
    assert spends(limit, "7") == 0


def test_three_failures_open_the_breaker(clock):
    breaker = Breaker(3, open_for=30, clock=clock)
    for _ in range(2):
        breaker.failed("lab")
        assert breaker.open_for("lab") == 0
    breaker.failed("lab")
    assert breaker.open_for("lab") == 30
    assert breaker.open_for("other") == 0
    clock.now += 10
    assert breaker.open_for("lab") == 20


def test_after_the_pause_one_failure_opens_it_again(clock):
    breaker = Breaker(3, open_for=30, clock=clock)
    for _ in range(3):
        breaker.failed("lab")
    clock.now += 30
    assert breaker.open_for("lab") == 0
    breaker.failed("lab")
    assert breaker.open_for("lab") == 30


def test_after_the_pause_one_trial_is_made_and_not_another(clock):
    """Its success closes the breaker; a failure long afterwards is the first of a row again."""
    breaker = Breaker(3, open_for=30, window=60, clock=clock)
    for _ in range(3):
        breaker.failed("lab")
    for _ in range(3):
        clock.now += 30
        breaker.failed("lab")
        assert breaker.open_for("lab") == 30
    clock.now += 61
    for _ in range(2):
        breaker.failed("lab")
        assert breaker.open_for("lab") == 0
    breaker.failed("lab")
    assert breaker.open_for("lab") == 30


def test_failures_are_in_a_row_for_ten_minutes_where_nothing_else_is_said(clock):
    breaker = Breaker(2, open_for=30, clock=clock)
    for wait, opens in ((0, False), (600.5, False), (600, True)):
        clock.now += wait
        breaker.failed("lab")
        assert bool(breaker.open_for("lab")) is opens


def test_a_success_forgets(clock):
    breaker = Breaker(2, open_for=30, clock=clock)
    breaker.failed("lab")
    breaker.succeeded("lab")
    breaker.failed("lab")
    assert breaker.open_for("lab") == 0


def test_failures_far_apart_are_not_in_a_row(clock):
    breaker = Breaker(2, open_for=30, window=100, clock=clock)
    breaker.failed("lab")
    clock.now += 101
    breaker.failed("lab")
    assert breaker.open_for("lab") == 0
    clock.now += 100
    breaker.failed("lab")
    assert breaker.open_for("lab") == 30


def test_old_failures_are_swept_out(clock):
    breaker = Breaker(2, open_for=30, window=100, clock=clock)
    for number in range(limits._SWEEP_AT):
        breaker.failed(str(number))
    clock.now += 100
    breaker.failed("late")
    assert len(breaker._keys) == limits._SWEEP_AT + 1, "those that are in a row with the next one stay"
    clock.now += 1
    breaker.failed("new")
    assert list(breaker._keys) == ["late", "new"]


@pytest.mark.parametrize(
    "made",
    [lambda clock: RateLimit(60, 2, what="tries", clock=clock), lambda clock: Breaker(2, open_for=30, clock=clock)],
)
def test_there_are_no_more_idle_keys_than_so_many(clock, made):
    one = made(clock)
    note, keys = (one.spend, "_buckets") if isinstance(one, RateLimit) else (one.failed, "_keys")
    for _ in range(3):
        for number in range(limits._SWEEP_AT):
            note(str(number))
            assert len(getattr(one, keys)) <= limits._SWEEP_AT
        clock.now += 1000
        note("new")
        assert list(getattr(one, keys)) == ["new"]
        clock.now += 1000
