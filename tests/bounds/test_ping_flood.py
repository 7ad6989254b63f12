"""A viewer that asks for pongs and takes none: what it may cost does not depend on which tornado is installed."""

import asyncio
import gc
import os
import re
import socket
import tomllib
import tracemalloc
from pathlib import Path

import psutil
import pytest
import tornado
from tornado.websocket import WebSocketProtocol13

from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.http import unawaited_writes
from jupyter_vnc.websocket import NOTES
from tests.bare_browser import browser, messages
from tests.fakes import vnc_server

#: A masked ping with all that one may carry (RFC 6455 section 5.5); the mask is zero.
PING = b"\x89\xfd" + bytes(4) + b"p" * 125
#: Pings that are sent together, and how often: 60,000 in all, 7.5 MB, whose pongs are as much.
BATCH, BATCHES = 200, 300
GROWTH = 4 * 1024 * 1024


@pytest.fixture
def jp_server_config():
    extensions = {"jupyter_vnc": True, "jupyter_server_terminals": False}
    return {
        "ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False},
        "VNCBroker": {
            "targets": {"none": {"host": "127.0.0.1", "port": 1}},
            "ping_interval": 0,
            "handshake_timeout": 120,
        },
    }


@pytest.fixture(params=["as installed", "every pong at once"])
def tornado_answers(request, monkeypatch):
    """How tornado answers pings: as the installed version does, and as versions before 6.6 did."""
    if request.param != "as installed":

        def answer(self, data):
            future = self._write_frame(True, 0xA, data)
            future.add_done_callback(lambda done: done.cancelled() or done.exception())

        monkeypatch.setattr(WebSocketProtocol13, "_send_pong", answer)
    return request.param


async def small_socket(client):
    """A connection of which the kernel holds little: what is not read is in the server's memory."""
    host, port = client.origin.split("//")[1].split(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    return sock


async def flooded(client, token):
    """Flood the server with pings, and read nothing; return whether it had enough before the end."""
    async with browser(client, token, sock=await small_socket(client)) as (_, writer):
        try:
            for _ in range(BATCHES):
                writer.write(PING * BATCH)
                async with asyncio.timeout(20):
                    await writer.drain()
        except (ConnectionError, TimeoutError):
            return True
    return False


async def quiet(peer):
    """A desktop on which nothing happens: no stalled picture ends the session."""
    await vnc_server._greet(peer, vnc_server.NONE)
    await vnc_server._log_in(peer)
    await vnc_server._init(peer)
    await asyncio.Event().wait()


async def until_nobody(broker):
    async with asyncio.timeout(60):
        while len(broker.registry):
            await asyncio.sleep(0.02)


async def test_unread_pongs_are_not_kept(client, broker, tornado_answers):
    async with vnc_server.serving(quiet) as server:
        where = {"host": server.address.host, "port": server.address.port, "stall_timeout": 3600}
        broker.sources[0].by_name["fake"] = parse_target("fake", where)
        token = (await client.issue("fake"))["token"]
        gc.collect()
        process = psutil.Process()
        before, peak = process.memory_info().rss, 0
        flood = asyncio.ensure_future(flooded(client, token))
        while not flood.done():
            await asyncio.wait([flood], timeout=0.05)
            peak = max(peak, process.memory_info().rss - before)
        print(f"{tornado.version}, {tornado_answers}: {peak / 1024 / 1024:.1f} MiB")
        assert peak < GROWTH
        # A tornado that keeps one pong back may let the flood pass by.
        assert await flood or tornado_answers == "as installed"
        await until_nobody(broker)


async def test_a_viewer_that_reads_its_pongs_may_have_as_many_as_it_likes(client, broker, tornado_answers):
    count = 3 * unawaited_writes.MAX_UNASKED // len(PING)
    async with vnc_server.serving(quiet) as server:
        where = {"host": server.address.host, "port": server.address.port}
        broker.sources[0].by_name["fake"] = parse_target("fake", where)
        token = (await client.issue("fake"))["token"]
        async with browser(client, token, limit=1 << 20) as (reader, writer):
            came = messages(reader)
            for _ in range(count):
                writer.write(PING)
                async with asyncio.timeout(60):
                    async for kind, payload in came:
                        if kind == 0x8A:
                            assert payload == b"p" * 125
                            break
            assert len(broker.registry) == 1
    await until_nobody(broker)


async def test_unread_notes_are_not_kept(client, broker):
    async with vnc_server.serving(quiet) as server:
        where = {"host": server.address.host, "port": server.address.port, "stall_timeout": 3600}
        broker.sources[0].by_name["fake"] = parse_target("fake", where)
        token = (await client.issue("fake"))["token"]
        async with browser(client, f"{token}, {NOTES}", sock=await small_socket(client)):
            async with asyncio.timeout(60):
                while not len(broker.registry):
                    await asyncio.sleep(0.01)
            (session,) = broker.registry
            tracemalloc.start()
            try:
                for _ in range(5_000):
                    session.tell({"kind": "message", "text": "x" * 2000})
                    await asyncio.sleep(0)
                held, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert held < GROWTH
    await until_nobody(broker)


def permitted():
    """The oldest tornado that the project permits."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (version,) = [match[1] for line in project["dependencies"] if (match := re.match(r"tornado>=([\d.]+)$", line))]
    return version


def test_no_tornado_that_has_the_hole_is_permitted():
    assert tuple(map(int, permitted().split("."))) >= (6, 6)
    assert tornado.version_info >= (6, 6)


def test_the_run_with_the_oldest_dependencies_has_the_oldest_tornado():
    if "OLDEST" in os.environ:
        assert tornado.version == permitted()
