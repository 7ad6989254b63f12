"""Whatever moment a viewer chooses to break off at, nothing of it stays behind."""

import asyncio
import contextlib
import random

import pytest

from tests.bare_browser import GREETING, connected, frame, reset, upgrade
from tests.fakes import vnc_server
from tests.fakes.flood import flood

#: A frame that says 1000 (RFC 6455 section 5.5.1).
CLOSE = b"\x88\x82" + bytes(4) + b"\x03\xe8"
AT_ONCE = 8


async def run(client, chance, target):
    """One connection: so many steps of the way to a picture, then one way of going away."""
    token = (await client.issue(target))["token"]
    request = upgrade(client, token, client.origin.split("//")[1])
    steps = [request[: chance.randrange(1, len(request))]]
    steps = chance.choice([steps, [request, *map(frame, GREETING)]])
    async with connected(client, limit=1 << 16) as (reader, writer):
        with contextlib.suppress(ConnectionError):
            for step in steps[: chance.randint(1, len(steps))]:
                writer.write(step)
                await asyncio.sleep(chance.choice([0, 0, 0.002]))
            if chance.random() < 0.6:
                async with asyncio.timeout(0.1):
                    await reader.readexactly(chance.choice([1, 200, 300, 100_000]))
        with contextlib.suppress(ConnectionError):
            match chance.randrange(4):
                case 0:
                    writer.write(CLOSE)
                    await writer.drain()
                case 1:
                    reset(writer)
                case 2:
                    writer.write_eof()
                    await asyncio.sleep(0.002)


async def cycle(client, chance, target):
    # A viewer that waits for bytes that never come has broken off as well.
    with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError):
        await run(client, chance, target)


@pytest.mark.parametrize("cycles", [96, pytest.param(2000, marks=[pytest.mark.endurance, pytest.mark.timeout(900)])])
async def test_connections_that_break_off_anywhere_leave_nothing(cycles, client, add_target, census):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with vnc_server.silent() as silent, vnc_server.rude("result") as rude, vnc_server.recorder() as still:
        with flood() as flooding:
            for name, address in {"silent": silent, "rude": rude, "still": still, "flood": flooding}.items():
                add_target(name, getattr(address, "address", address))
            targets = ["silent", "rude", "still", *["flood"] * 5]
            await asyncio.gather(*(cycle(client, chance, name) for name in targets))
            before = await census.is_as({"descriptors": 1 << 20, "tasks": 1 << 20, "sessions": 0})
            for _ in range(cycles // AT_ONCE):
                async with asyncio.timeout(60):
                    await asyncio.gather(*(cycle(client, chance, chance.choice(targets)) for _ in range(AT_ONCE)))
            await census.is_as(before)
