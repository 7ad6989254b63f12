"""A session that sends all it can does not hold up the one next door, nor Jupyter.

What is counted is not time but what the others sent meanwhile: how many turns one had to wait does not depend on the
machine.
"""

import asyncio
import json
import statistics
from contextlib import asynccontextmanager, contextmanager

from jupyter_vnc.relay.scheduler import REST, ROUND
from tests.bare_browser import browser, frame, frames
from tests.fakes import vnc_server
from tests.fakes.flood import Sink, flood

#: Sessions that send all they can.
LOUD = 4
ROUNDS = 60
#: Rounds of them that others may have to wait for: bytes come in, and go out, and tornado has queues of its own. All of
#: them together move so much in a round as one that has its turn.
ROUNDS_WAITED = 16


@asynccontextmanager
async def noise(client, broker, add_target):
    """Loud sessions; gives a function that says how much they have sent together."""
    with flood() as address:
        add_target("loud", address)
        sinks = [Sink(client, (await client.issue("loud"))["token"]) for _ in range(LOUD)]
        try:
            async with asyncio.timeout(60):
                while sum(sink.received > 1 << 20 for sink in sinks) < LOUD:
                    await asyncio.sleep(0.01)
            yield lambda: sum(s.bytes_out for s in broker.registry if s.target.name == "loud")
        finally:
            for sink in sinks:
                await asyncio.to_thread(sink.close)


@contextmanager
def measured(sent, waits):
    """Note what the loud ones send meanwhile."""
    before = sent()
    yield
    waits.append(sent() - before)


def assert_few_turns(waits, legs):
    assert statistics.median(waits) < legs * ROUNDS_WAITED * ROUND


async def test_a_small_update_and_a_key_press_pass_between_the_bursts(client, broker, add_target):
    async with vnc_server.recorder() as quiet, noise(client, broker, add_target) as sent:
        add_target("quiet", quiet.address)
        token = (await client.issue("quiet"))["token"]
        async with browser(client, token, limit=1 << 16) as (reader, writer):
            pieces = frames(reader)
            updates, keys = [], []
            async with asyncio.timeout(60):
                while vnc_server.NAME not in await anext(pieces):
                    pass
                for number in range(ROUNDS):
                    with measured(sent, updates):
                        await quiet.send(b"\x02" * 20)
                        await anext(pieces)
                    with measured(sent, keys):
                        writer.write(frame(b"\x04\x01\x00\x00\x00\x00\x00\x41"))
                        await quiet.got((number + 1) * 8)
        assert max(updates) > 0, "nobody was loud"
        assert_few_turns(updates, legs=1)
        assert_few_turns(keys, legs=1)


async def test_the_loud_rest_beside_somebody_quiet(client, broker, add_target):
    """So the process sleeps most of the time, and is let in at once when something small comes."""
    clock = asyncio.get_running_loop().time
    async with vnc_server.recorder() as quiet, noise(client, broker, add_target) as sent:
        add_target("quiet", quiet.address)
        async with browser(client, (await client.issue("quiet"))["token"], limit=1 << 16) as (reader, _):
            pieces = frames(reader)
            async with asyncio.timeout(60):
                while vnc_server.NAME not in await anext(pieces):
                    pass
                for number in range(100):
                    await quiet.send(b"\x02" * 20)
                    await anext(pieces)
                    if number == 10:  # by now all of them have noticed
                        began, before = clock(), sent()
        # A session whose browser was behind copies a piece before it joins the queue.
        assert 0 < sent() - before < ((clock() - began) / REST + LOUD) * 2 * ROUND


async def test_jupyters_own_requests_pass_between_the_bursts(client, broker, add_target, jp_fetch):
    async with noise(client, broker, add_target) as sent:
        waits = []
        for _ in range(ROUNDS):
            with measured(sent, waits):
                answer = await jp_fetch("api", "status")
            assert "kernels" in json.loads(answer.body)
    # A request comes, is answered and read: new connections take several turns more.
    assert_few_turns(waits, legs=3)
