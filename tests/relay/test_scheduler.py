"""Sessions with much to move have turns, in order, and everything else runs between two rounds."""

import asyncio

import pytest

from jupyter_vnc.relay import scheduler as turns_module
from jupyter_vnc.relay.scheduler import REST, ROUND, Turns


class Mover:
    """Moves what it may, so many times."""

    def __init__(self, name, turns, log, *, size=ROUND, times=1):
        self.name, self.turns, self.log, self.size, self.times = name, turns, log, size, times

    def turn(self, most):
        self.log.append(self.name)
        self.times -= 1
        if self.times:
            self.turns.wait(self)
        return min(self.size, most)


async def rounds(log, count):
    """Let the loop go round, noting where one round ends."""
    for _ in range(count):
        await asyncio.sleep(0)
        log.append("|")


async def test_one_after_the_other_with_the_loop_in_between():
    turns, log = Turns(), []
    for name in "abc":
        turns.wait(Mover(name, turns, log, times=2))
    await rounds(log, 7)
    assert "".join(log) == "a|b|c|a|b|c||"


async def test_sessions_that_move_little_share_a_round():
    turns, log = Turns(), []
    for name in "abcde":
        turns.wait(Mover(name, turns, log, size=ROUND // 4))
    await rounds(log, 3)
    assert "".join(log) == "abcd|e||"


async def test_nobody_has_two_turns_in_a_round():
    turns, log = Turns(), []
    turns.wait(Mover("a", turns, log, size=1, times=3))
    await rounds(log, 3)
    assert "".join(log) == "a|a|a|"


async def test_a_session_that_leaves_is_skipped():
    turns, log = Turns(), []
    movers = [Mover(name, turns, log) for name in "abc"]
    for mover in movers:
        turns.wait(mover)
    turns.leave(movers[1])
    turns.leave(movers[1])
    await rounds(log, 3)
    assert "".join(log) == "a|c||"


@pytest.mark.parametrize(("busy", "crowded"), [(0, False), (1, False), (2, True)])
async def test_one_alone_need_not_queue(busy, crowded):
    turns = Turns()
    for _ in range(busy):
        turns.has_much(Mover("a", turns, []), True)
    assert (turns.busy, turns.crowded) == (busy, crowded)


async def test_beside_one_that_moves_little_the_others_rest_between_rounds():
    turns, log = Turns(), []
    turns.moved_little(Mover("quiet", turns, log))
    assert turns.crowded
    began = asyncio.get_running_loop().time()
    turns.wait(Mover("a", turns, log, times=10))
    while len(log) < 10:
        await asyncio.sleep(0)
    # A loop's clock has a resolution, by which a timer may be early.
    assert asyncio.get_running_loop().time() - began > 10 * REST * 0.99


async def test_a_sessions_own_small_moves_do_not_slow_it_down():
    turns = Turns()
    mover = Mover("a", turns, [])
    turns.moved_little(mover)
    turns.has_much(mover, True)
    assert not turns.crowded


@pytest.mark.parametrize("goes", [True, False])
async def test_sessions_that_were_quiet_long_ago_or_have_gone_do_not_count(monkeypatch, goes):
    turns = Turns()
    first, last = Mover("first", turns, []), Mover("last", turns, [])
    monkeypatch.setattr(turns_module, "ATTENTION", 60 if goes else 0.01)
    turns.moved_little(first)
    turns.moved_little(last)
    turns.moved_little(first)
    assert turns.crowded
    if goes:
        turns.leave(first)
        assert turns.crowded
        turns.leave(last)
    else:
        await asyncio.sleep(0.011)
    assert not turns.crowded
