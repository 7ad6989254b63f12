"""A peer that vanishes: no packet comes any more, not even one that ends the connection. Both legs are freed."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import pytest
from tornado.httpserver import HTTPServer

from jupyter_vnc.connect import dial
from tests.bare_browser import browser, frame, live
from tests.bounds.namespaces import HERE, THERE, two_hosts
from tests.fakes import vnc_server
from tests.needs import require_root

#: Seconds until both legs are freed, in the product; and how the seconds of the quick test compare to it.
AT_MOST = 45
KEY = frame(b"\x04\x01\x00\x00\x00\x00\x00\x41")

QUICK = pytest.param(20, id="quick")
REAL = pytest.param(1, id="real", marks=[pytest.mark.endurance, pytest.mark.timeout(300)])


@pytest.fixture
def hosts():
    require_root()
    with two_hosts() as hosts:
        yield hosts


@pytest.fixture(params=[QUICK, REAL])
def speed(request, monkeypatch):
    """All times of the product, divided."""
    for table, unit in ((dial._KEEPALIVE, 1), (dial._UNACKNOWLEDGED, 1000)):
        for name, value in table.items():
            shorter = max(value // request.param, unit) if name != "TCP_KEEPCNT" else value
            monkeypatch.setitem(table, name, shorter)
    return request.param


@pytest.fixture
def jp_server_config(jp_server_config, speed):
    jp_server_config["VNCBroker"] |= {"ping_interval": 20.0 / speed, "stall_timeout": 30.0 / speed}
    return jp_server_config


async def freed(broker, speed, say=lambda: None):
    """Wait until the session is over; meanwhile somebody may have something to say."""
    began = time.monotonic()
    # Only the real times are a promise; the quick ones are rounded up by the kernel.
    async with asyncio.timeout(AT_MOST if speed == 1 else AT_MOST * 2):
        while len(broker.registry):
            say()
            await asyncio.sleep(0.05)
    print(f"freed after {time.monotonic() - began:.1f} s")


@asynccontextmanager
async def listening(app, address):
    """Let Jupyter's server be reached from the other host; give the port."""
    listener = socket.create_server((address, 0))
    listener.setblocking(False)
    server = HTTPServer(app.web_app)
    server.add_socket(listener)
    try:
        yield listener.getsockname()[1]
    finally:
        server.stop()
        await server.close_all_connections()


@pytest.mark.parametrize("types", [False, True], ids=["still", "typing"])
async def test_a_target_that_is_gone(types, hosts, client, broker, add_target, speed):
    async def script(peer):
        await vnc_server._log_in(peer)
        await peer.listen()

    with hosts.other():
        listener = socket.create_server((THERE, 0))
    async with vnc_server.serving(script, sock=listener) as server:
        add_target("far", server.address, allow_unauthenticated=True)
        async with browser(client, (await client.issue("far"))["token"]) as (reader, writer):
            living = asyncio.create_task(live(reader, writer))
            await server.until(lambda: server.open == 1)
            writer.write(KEY)
            await server.got(len(KEY) - 6)
            hosts.cut()
            await freed(broker, speed, lambda: types and writer.write(KEY))
            await living  # this end is told


@pytest.mark.parametrize("make", [vnc_server.recorder, vnc_server.firehose], ids=["still", "busy"])
async def test_a_browser_that_is_gone(make, hosts, client, broker, add_target, speed, jp_serverapp):
    async with make() as server, listening(jp_serverapp, HERE) as port:
        add_target("near", server.address)
        token = (await client.issue("near"))["token"]
        with hosts.other():
            far = socket.create_connection((HERE, port))
        async with browser(client, token, 1 << 16, far) as (reader, writer):
            living = asyncio.create_task(live(reader, writer))
            await server.until(lambda: server.open == 1)
            await asyncio.sleep(50 / speed)  # longer than an answer to a ping may take: so far it is well
            assert len(broker.registry) == server.open == 1
            hosts.cut()
            await freed(broker, speed)
            await server.until(lambda: server.open == 0)
            living.cancel()
            await asyncio.wait([living])
