"""Many sessions in one server, and one whose browser has stopped: what they cost, and what they cost the others."""

import asyncio
import gc
import json
import time
import tracemalloc
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.fakes.flood import Sink, flood, greeted

KIB, MIB = 1 << 10, 1 << 20
#: What an idle session may hold in user space, and what one does whose browser does not read.
IDLE, STALLED = 100 * KIB, 8 * MIB

SOME = pytest.param(24, 8, id="some")
MANY = pytest.param(500, 64, id="many", marks=[pytest.mark.endurance, pytest.mark.timeout(600)])


@contextmanager
def traced():
    """Count what Python holds, without what is there already."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def resident():
    """What the process has in memory that is no file's (bytes)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith("Anonymous:"))


async def open_all(broker, names):
    """Wait until so many sessions are open that their targets have sent something."""
    async with asyncio.timeout(120):
        while sum(session.bytes_out > 0 for session in broker.registry) < names:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("idle", "busy"), [SOME, MANY])
async def test_a_crowd(idle, busy, client, broker, add_target, census, jp_fetch):
    await jp_fetch("api", "status")
    before = census.take()
    with flood() as loud, flood(floods=False) as still, ExitStack() as stack:
        add_target("loud", loud)
        add_target("still", still)
        with traced() as memory:
            for number in range(idle):
                browser = greeted(client, (await client.issue("still"))["token"])
                stack.callback(browser.close)
                if number % 8 == 7:
                    await open_all(broker, number + 1)
            await open_all(broker, idle)
            gc.collect()
            held = memory() / idle
        print(f"{held / KIB:.0f} KiB an idle session")
        assert held < IDLE

        sinks = [Sink(client, (await client.issue("loud"))["token"]) for _ in range(busy)]
        await open_all(broker, idle + busy)
        listed = json.loads((await jp_fetch("vnc", "api", "sessions")).body)
        assert len(listed) == idle + busy
        for _ in range(20):
            await jp_fetch("api", "status")
        received = [sink.received for sink in sinks]
        async with asyncio.timeout(60):  # none is forgotten
            while not all(sink.received > before for sink, before in zip(sinks, received, strict=True)):
                await asyncio.sleep(0.02)
        print(f"descriptors: {(census.take()['descriptors'] - before['descriptors']) / (idle + busy):.1f} a session")
        await asyncio.gather(*(asyncio.to_thread(sink.close) for sink in sinks))
    await census.is_as(before, seconds=60)


async def rate(sink, seconds):
    """What a browser gets (bytes a second)."""
    began, before = time.monotonic(), sink.received
    await asyncio.sleep(seconds)
    return (sink.received - before) / (time.monotonic() - began)


@pytest.mark.endurance
@pytest.mark.timeout(300)
async def test_a_browser_that_does_not_read_for_a_minute(client, broker, add_target):
    with flood() as address:
        add_target("loud", address, stall_timeout=60)
        sink = Sink(client, (await client.issue("loud"))["token"])
        alone = await rate(sink, 10)
        memory = resident()
        with greeted(client, (await client.issue("loud"))["token"]):
            rates = [await rate(sink, 5) for _ in range(11)]
            grown = resident() - memory
            print(f"{grown / MIB:.1f} MiB more; the neighbour keeps {sorted(rates)[5] / alone:.0%} of its rate")
            assert len(broker.registry) == 2
            assert grown < STALLED
            assert sorted(rates)[5] > alone / 2
            async with asyncio.timeout(60):
                while len(broker.registry) > 1:
                    await asyncio.sleep(0.5)
        await asyncio.to_thread(sink.close)
