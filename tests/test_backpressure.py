"""A peer that does not read holds up the other end, not our memory, and is closed when its time is up."""

import asyncio
import tracemalloc

import pytest

from jupyter_vnc.config.targets import parse_target
from tests.bare_browser import browser, frame
from tests.fakes import vnc_server

#: What one session may hold in user space (design: about 2 MiB), with room for what else the test allocates.
BOUND = 4 * 1024 * 1024


@pytest.fixture
def jp_server_config():
    extensions = {"jupyter_vnc": True, "jupyter_server_terminals": False}
    return {
        "ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False},
        "VNCBroker": {"targets": {"none": {"host": "127.0.0.1", "port": 1}}, "ping_interval": 0},
    }


async def most_held(broker):
    """Wait until the sessions that there are have ended; return the most memory that was held meanwhile."""
    most = 0
    async with asyncio.timeout(60):
        while len(broker.registry):
            most = max(most, tracemalloc.get_traced_memory()[0])
            await asyncio.sleep(0.02)
    return most


async def is_held_up(writer, message):
    """Write much more than every buffer on the way holds; return whether somebody stopped us."""
    try:
        async with asyncio.timeout(2):
            for _ in range(2000):
                writer.write(message)
                await writer.drain()
    except (TimeoutError, ConnectionError):
        return True
    return False


async def test_a_browser_that_never_reads(client, broker):
    async with vnc_server.firehose() as server:
        where = {"host": server.address.host, "port": server.address.port, "stall_timeout": 2}
        broker.sources[0].by_name["fake"] = parse_target("fake", where)
        token = (await client.issue("fake"))["token"]
        tracemalloc.start()
        try:
            async with browser(client, token):
                await server.until(lambda: server.open == 1)
                # It ends because for some time nothing could be sent: until then, every buffer on the way was filled.
                assert await most_held(broker) < BOUND
                assert server.sent > 0
        finally:
            tracemalloc.stop()


async def test_a_target_that_never_reads(client, broker):
    async def script(peer):
        await vnc_server._greet(peer, vnc_server.NONE)
        await vnc_server._log_in(peer)
        await vnc_server._init(peer)
        await asyncio.Event().wait()

    async with vnc_server.serving(script) as server:
        where = {"host": server.address.host, "port": server.address.port, "stall_timeout": 3}
        broker.sources[0].by_name["fake"] = parse_target("fake", where)
        token = (await client.issue("fake"))["token"]
        pointer = frame(b"\x05\x00\x00\x01\x00\x01" * 10_000)
        tracemalloc.start()
        try:
            async with browser(client, token) as (_, writer):
                await server.until(lambda: server.open == 1)
                # More than every buffer on the way together: at some point the browser is held up.
                writer.transport.set_write_buffer_limits(high=0)
                assert await is_held_up(writer, pointer)
                assert await most_held(broker) < BOUND
        finally:
            tracemalloc.stop()
