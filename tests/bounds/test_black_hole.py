"""A peer that vanishes: no packet comes any more, not even one that ends the connection. Both legs are freed."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack, asynccontextmanager

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

#: Not quicker: an answer to a ping must not take so long on a busy machine as a browser is waited for.
QUICK = pytest.param(8, id="quick")
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


class Place:
    """What the legs of a test share; :meth:`target` and :meth:`viewer` begin a session with one end far away."""

    def __init__(self, stack, hosts, client, add_target):
        self._stack, self._hosts, self._client, self._add_target = stack, hosts, client, add_target

    async def target(self, name):
        """A session whose target is far away, and which has been used; return what writes to it, and its browser."""
        with self._hosts.other():
            listener = socket.create_server((THERE, 0))
        server, reader, writer = await self._session(name, vnc_server.serving(recorder, sock=listener))
        writer.write(KEY)
        await server.got(len(KEY) - 6)
        return writer, asyncio.create_task(live(reader, writer))

    async def viewer(self, name, script, port):
        """A session whose browser is far away; return its server, its browser, and the pings that it has answered."""
        with self._hosts.other():
            far = socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # a ping is not behind megabytes
            far.connect((HERE, port))
        server, reader, writer = await self._session(name, vnc_server.serving(script), far)
        answered = []
        return server, asyncio.create_task(live(reader, writer, answered)), answered

    async def _session(self, name, fake, far=None):
        server = await self._stack.enter_async_context(fake)
        self._add_target(name, server.address, allow_unauthenticated=True)
        token = (await self._client.issue(name))["token"]
        reader, writer = await self._stack.enter_async_context(browser(self._client, token, 1 << 16, far))
        await server.until(lambda: server.open == 1)
        return server, reader, writer


async def recorder(peer):
    await vnc_server._log_in(peer)
    await peer.listen()


async def busy(peer):
    """Much to send, at a rate that leaves the processor to others."""
    await vnc_server._log_in(peer)
    while True:
        await peer.send(bytes(65536))
        await asyncio.sleep(0.01)


async def test_both_legs_of_a_peer_that_is_gone_are_freed(hosts, client, broker, add_target, speed, jp_serverapp):
    """Targets that are silent, or are being written to; browsers on which nothing happens, or a lot."""
    async with AsyncExitStack() as stack, listening(jp_serverapp, HERE) as port:
        place = Place(stack, hosts, client, add_target)
        (_, still), (typing, typed) = [await place.target(name) for name in ("still", "typing")]
        viewers = [await place.viewer(*one, port) for one in (("idle", recorder), ("busy", busy))]
        async with asyncio.timeout(120):  # each has answered, and was waited for once more: so far it is well
            while min(len(answered) for *_, answered in viewers) < 2:
                await asyncio.sleep(0.05)
        assert {session.target.name for session in broker.registry} == {"still", "typing", "idle", "busy"}
        hosts.cut()
        began, left = time.monotonic(), {}
        # Only the real times are a promise; the quick ones are rounded up by the kernel.
        async with asyncio.timeout(AT_MOST if speed == 1 else AT_MOST * 2):
            while len(broker.registry):
                left |= {session.target.name: time.monotonic() - began for session in broker.registry}
                typing.write(KEY)
                await asyncio.sleep(0.05)
        print("freed after", {name: f"{seconds:.1f} s" for name, seconds in left.items()})
        await asyncio.gather(still, typed)  # this end is told
        for server, living, _ in viewers:
            await server.until(lambda: server.open == 0)  # noqa: B023 - it does not outlive the turn
            living.cancel()
        await asyncio.wait([living for _, living, _ in viewers])
