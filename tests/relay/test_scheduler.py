"""Sessions with much to move have turns, in order, and everything else runs between two rounds."""

import asyncio

import pytest

from jupyter_vnc.relay import scheduler as scheduler_module
from jupyter_vnc.relay.scheduler import REST, ROUND, FairScheduler


class Mover:
    """Moves what it may, so many times."""

    def __init__(self, name, scheduler, log, *, size=ROUND, times=1):
        self.name, self.scheduler, self.log, self.size, self.times = name, scheduler, log, size, times

    def turn(self, most):
        self.log.append(self.name)
        self.times -= 1
        if self.times:
            self.scheduler.wait(self)
        return min(self.size, most)


async def rounds(log, count):
    """Let the loop go round, noting where one round ends."""
    for _ in range(count):
        await asyncio.sleep(0)
        log.append("|")


async def test_one_after_the_other_with_the_loop_in_between():
    scheduler, log = FairScheduler(), []
    for name in "abc":
        scheduler.wait(Mover(name, scheduler, log, times=2))
    await rounds(log, 7)
    assert "".join(log) == "a|b|c|a|b|c||"


async def test_sessions_that_move_little_share_a_round():
    scheduler, log = FairScheduler(), []
    for name in "abcde":
        scheduler.wait(Mover(name, scheduler, log, size=ROUND // 4))
    await rounds(log, 3)
    assert "".join(log) == "abcd|e||"


async def test_nobody_has_two_turns_in_a_round():
    scheduler, log = FairScheduler(), []
    scheduler.wait(Mover("a", scheduler, log, size=1, times=3))
    await rounds(log, 3)
    assert "".join(log) == "a|a|a|"


async def test_a_session_that_leaves_is_skipped():
    scheduler, log = FairScheduler(), []
    movers = [Mover(name, scheduler, log) for name in "abc"]
    for mover in movers:
        scheduler.wait(mover)
    scheduler.leave(movers[1])
    scheduler.leave(movers[1])
    await rounds(log, 3)
    assert "".join(log) == "a|c||"


@pytest.mark.parametrize(("busy", "crowded"), [(0, False), (1, False), (2, True)])
async def test_one_alone_need_not_queue(busy, crowded):
    scheduler = FairScheduler()
    for _ in range(busy):
        scheduler.has_much(Mover("a", scheduler, []), True)
    assert (scheduler.busy, scheduler.crowded) == (busy, crowded)


async def test_beside_one_that_moves_little_the_others_rest_between_rounds(monkeypatch):
    monkeypatch.setattr(scheduler_module, "ATTENTION", 60)
    scheduler, log = FairScheduler(), []
    scheduler.moved_little(Mover("quiet", scheduler, log))
    assert scheduler.crowded
    began = asyncio.get_running_loop().time()
    scheduler.wait(Mover("a", scheduler, log, times=10))
    while len(log) < 10:
        await asyncio.sleep(0)
    # A loop's clock has a resolution, by which a timer may be early.
    assert asyncio.get_running_loop().time() - began > 10 * REST * 0.99


async def test_a_sessions_own_small_moves_do_not_slow_it_down():
    scheduler = FairScheduler()
    mover = Mover("a", scheduler, [])
    scheduler.moved_little(mover)
    scheduler.has_much(mover, True)
    assert not scheduler.crowded


@pytest.mark.parametrize("goes", [True, False])
async def test_sessions_that_were_quiet_long_ago_or_have_gone_do_not_count(monkeypatch, goes):
    scheduler = FairScheduler()
    first, last = Mover("first", scheduler, []), Mover("last", scheduler, [])
    monkeypatch.setattr(scheduler_module, "ATTENTION", 60)
    scheduler.moved_little(first)
    scheduler.moved_little(last)
    scheduler.moved_little(first)
    assert scheduler.crowded
    if goes:
        scheduler.leave(first)
        assert scheduler.crowded
        scheduler.leave(last)
    else:
        await asyncio.sleep(0.011)
        monkeypatch.setattr(scheduler_module, "ATTENTION", 0.01)
    assert not scheduler.crowded
