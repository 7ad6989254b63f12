"""The relay between two channels in memory: order, backpressure, who closes first, and who takes nothing."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import Stalled, ViewerError
from jupyter_vnc.relay import relay as module
from jupyter_vnc.relay.relay import Copier, Leg, Relay


class Memory:
    """A channel that the test feeds and reads; it takes ``room`` writes before they are read."""

    def __init__(self, room=1000, half_close=True):
        self.incoming = asyncio.Queue()
        self.outgoing = asyncio.Queue(room)
        self.half_close = half_close
        self.reads = 0
        self.broken = False
        self.eof = False

    async def read(self):
        self.reads += 1
        return await self.incoming.get()

    async def write(self, data):
        if self.broken:
            raise ConnectionResetError
        await self.outgoing.put(data)

    async def write_eof(self):
        self.eof = True
        return self.half_close

    async def close(self, code=CloseCode.NORMAL, reason=""):
        pass

    def feed(self, *pieces):
        for piece in pieces:
            self.incoming.put_nowait(piece)

    def taken(self):
        return [self.outgoing.get_nowait() for _ in range(self.outgoing.qsize())]


def same(data):
    return data


def joined(viewer, target, *, stall=0, from_viewer=same, from_target=same, early_viewer=b"", early_target=b""):
    return Relay(
        Copier(viewer, target, from_viewer, stall_timeout=stall, early=early_viewer),
        Copier(target, viewer, from_target, stall_timeout=stall, early=early_target),
    )


@asynccontextmanager
async def running(relay):
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_bytes_go_both_ways_in_order():
    viewer, target = Memory(), Memory()
    there, back = [os.urandom(50) for _ in range(200)], [os.urandom(70) for _ in range(200)]
    viewer.feed(*there)
    target.feed(*back, b"")
    async with running(joined(viewer, target)) as task:
        await until(lambda: target.outgoing.qsize() == 200 and viewer.outgoing.qsize() == 200)
        viewer.feed(b"")
        await task
    assert target.taken() == there
    assert viewer.taken() == back


async def test_early_bytes_go_first_and_through_the_filters():
    viewer, target = Memory(), Memory()
    viewer.feed(b"later", b"")
    target.feed(b"later", b"")
    early = {"early_viewer": b"early", "early_target": b"soon"}
    await joined(viewer, target, from_viewer=bytes.upper, from_target=bytes.title, **early).run()
    assert target.taken() == [b"EARLY", b"LATER"]
    assert viewer.taken() == [b"Soon", b"Later"]


async def test_what_a_filter_drops_is_not_sent():
    viewer, target = Memory(), Memory()
    viewer.feed(b"secret", b"good", b"")
    target.feed(b"")
    await joined(viewer, target, from_viewer=lambda data: data.replace(b"secret", b"")).run()
    assert target.taken() == [b"good"]


@pytest.mark.parametrize("leg", list(Leg))
async def test_it_returns_which_end_closed_first(leg, monkeypatch):
    monkeypatch.setattr(module, "LINGER", 0.01)
    viewer, target = Memory(), Memory()
    {Leg.VIEWER: viewer, Leg.TARGET: target}[leg].feed(b"")
    assert await joined(viewer, target).run() is leg


async def test_nothing_is_read_while_the_other_end_is_behind():
    viewer, target = Memory(room=2), Memory()
    target.feed(*[b"x"] * 100)
    async with running(joined(viewer, target)):
        await until(viewer.outgoing.full)
        for _ in range(50):
            await asyncio.sleep(0)
        # Two are with the viewer, one waits to be written: nothing more has been asked for.
        assert target.reads == 3
        assert target.incoming.qsize() == 97
        viewer.outgoing.get_nowait()
        await until(lambda: target.reads == 4)


async def test_one_way_that_is_stuck_does_not_hold_up_the_other():
    viewer, target = Memory(room=1), Memory()
    target.feed(*[b"x"] * 10)
    async with running(joined(viewer, target)):
        await until(viewer.outgoing.full)
        viewer.feed(b"key")
        await until(lambda: target.outgoing.qsize() == 1)
    assert target.taken() == [b"key"]


@pytest.mark.parametrize("leg", list(Leg))
async def test_an_end_that_takes_nothing_ends_the_session(leg):
    ends = {Leg.VIEWER: Memory(), Leg.TARGET: Memory()}
    stuck, other = ends[leg], ends[next(end for end in Leg if end is not leg)]
    stuck.outgoing = asyncio.Queue(1)
    other.feed(b"a", b"b")
    with pytest.raises(Stalled):
        async with asyncio.timeout(30):
            await joined(ends[Leg.VIEWER], ends[Leg.TARGET], stall=0.05).run()


async def test_an_end_that_has_nothing_to_say_is_not_stalled():
    viewer, target = Memory(), Memory()
    async with running(joined(viewer, target, stall=0.01)) as task:
        await asyncio.sleep(0.1)
        assert not task.done()


async def test_after_a_half_close_what_is_on_its_way_is_delivered():
    viewer, target = Memory(), Memory()
    viewer.feed(b"bye", b"")
    async with running(joined(viewer, target)) as task:
        await until(lambda: target.eof)
        target.feed(b"last", b"words", b"")
        assert await task is Leg.VIEWER
    assert viewer.taken() == [b"last", b"words"]


async def test_after_a_half_close_the_other_way_lasts_so_long(monkeypatch):
    monkeypatch.setattr(module, "LINGER", 0.01)
    viewer, target = Memory(), Memory()
    viewer.feed(b"")
    async with asyncio.timeout(30):
        assert await joined(viewer, target).run() is Leg.VIEWER


async def test_an_end_that_cannot_half_close_ends_both_ways(monkeypatch):
    monkeypatch.setattr(module, "LINGER", 60)
    viewer, target = Memory(half_close=False), Memory()
    target.feed(b"last", b"")
    async with asyncio.timeout(30):
        assert await joined(viewer, target).run() is Leg.TARGET
    assert viewer.taken() == [b"last"]


async def test_an_end_that_is_gone_ends_both_ways():
    viewer, target = Memory(), Memory()
    viewer.broken = True
    target.feed(b"x")
    async with asyncio.timeout(30):
        await joined(viewer, target).run()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_a_filter_raises_ends_the_session():
    def refuse(data):
        raise ViewerError

    viewer, target = Memory(), Memory()
    viewer.feed(b"x")
    with pytest.raises(ViewerError):
        await joined(viewer, target, from_viewer=refuse).run()
    assert target.taken() == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_relay_leaves_no_pump():
    viewer, target = Memory(), Memory()
    async with running(joined(viewer, target)) as task:
        await until(lambda: viewer.reads and target.reads)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
