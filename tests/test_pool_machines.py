"""Machines of a pool that log people in and bring no picture are set aside like those that refuse."""

import asyncio
from contextlib import AsyncExitStack, closing
from functools import partial
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY
from tornado.websocket import WebSocketClosedError

from jupyter_vnc.broker import session_runner
from jupyter_vnc.config.targets import parse_target
from tests.fakes import vnc_server
from tests.server import read_to_close
from tests.test_websocket import UPDATE_REQUEST, greet, jp_server_config, start, until

__all__ = ["jp_server_config"]

POINTER = b"\x05\x00\x00\x08\x00\x08"
#: How long a test waits for what does not come (seconds).
LIMIT = 0.4
#: How long a target of the tests may take: for its login too, which on a busy machine needs it.
PATIENCE = 14.0

SILENT = {
    "says nothing after the login": vnc_server.speechless,
    "stops in its greeting": partial(vnc_server.unfinished, vnc_server.SERVER_INIT[:30]),
    "sends no picture": vnc_server.recorder,
    "sends bells": partial(vnc_server.answering, b"\x02" * 100),
    "sends the clipboard": partial(vnc_server.answering, b"\3\0\0\0\0\0\0\x40" + b"x" * 64),
    "sends what is no message": partial(vnc_server.answering, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "hangs up instead of a picture": vnc_server.vanishing,
}


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """How long a server may really take for its ServerInit and for a picture, where its target says PATIENCE."""
    limits = SimpleNamespace(greeting=PATIENCE, picture=LIMIT)
    begin, wait = session_runner._begin, session_runner.FirstPicture.wait

    async def shorter_begin(leg, seconds):
        assert seconds == PATIENCE
        leg.deadline = asyncio.get_running_loop().time() + limits.greeting  # the login's own is that of the target
        await begin(leg, seconds)

    async def shorter_wait(picture, seconds):
        assert seconds in (PATIENCE, None)
        await wait(picture, seconds and limits.picture)

    monkeypatch.setattr(session_runner, "_begin", shorter_begin)
    monkeypatch.setattr(session_runner.FirstPicture, "wait", shorter_wait)
    return limits


def add_pool(broker, *servers):
    """A pool of these machines, called m1, m2 and so on."""
    machines = [f"{one.address.host}:{one.address.port}" for one in servers]
    keys = {"pool": {"machines": machines}, "handshake_timeout": PATIENCE}
    broker.sources[0].by_name["lab"] = parse_target("lab", keys)


def add_screen(broker, server):
    """A target that is this server only."""
    where = {"host": server.address.host, "port": server.address.port}
    broker.sources[0].by_name["screen"] = parse_target("screen", {**where, "handshake_timeout": PATIENCE})


def failures():
    """How many connections to VNC servers have failed in this process, of all kinds."""
    (counted,) = (one for one in REGISTRY.collect() if one.name == "jupyter_vnc_target_failures")
    return sum(one.value for one in counted.samples if one.name.endswith("_total"))


def states(broker):
    return [row["state"] for row in broker.pools.rows("lab")]


async def code_of_a_look(client):
    """Open the pool, move the mouse and ask for a picture; return the code with which the server closes."""
    with closing(await start(client, "lab")) as websocket:
        try:
            await greet(websocket)
            await websocket.write_message(POINTER + UPDATE_REQUEST, binary=True)
        except (AssertionError, WebSocketClosedError):
            pass  # it closes earlier
        if websocket.close_code is None:
            await read_to_close(websocket)
        return websocket.close_code


@pytest.mark.parametrize("fault", SILENT)
async def test_the_next_try_gets_the_next_machine(client, broker, fault, limits):
    limits.greeting = LIMIT
    async with SILENT[fault]() as silent, vnc_server.answering(vnc_server.UPDATE) as good:
        add_pool(broker, silent, good)
        before = failures()
        assert await code_of_a_look(client) == 4502, "the viewer comes again by itself"
        await until(lambda: states(broker)[0] == "aside")
        limits.greeting = limits.picture = PATIENCE
        with closing(await start(client, "lab")) as websocket:
            await greet(websocket)
            await websocket.write_message(UPDATE_REQUEST, binary=True)
            assert await websocket.read_message() == vnc_server.UPDATE
            await until(lambda: broker.pools.summary("ann", "lab")["machine"] == "m2")
            assert failures() - before == 1
        await until(lambda: len(broker.registry) == 0)


async def test_a_viewer_that_asks_for_nothing_blames_nobody(client, broker):
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(vnc_server.recorder()) for _ in range(2)]
        add_pool(broker, *servers)
        with closing(await start(client, "lab")) as websocket:
            await greet(websocket)
            await websocket.write_message(POINTER, binary=True)
            with pytest.raises(TimeoutError):
                await until(lambda: "aside" in states(broker), seconds=3 * LIMIT)
            assert websocket.close_code is None
        await until(lambda: len(broker.registry) == 0)


async def test_a_single_server_without_a_picture_goes_on(client, broker):
    before = failures()
    async with vnc_server.recorder() as server:
        add_screen(broker, server)
        with closing(await start(client, "screen")) as websocket:
            await greet(websocket)
            await websocket.write_message(UPDATE_REQUEST, binary=True)
            await until(lambda: failures() > before)
            with pytest.raises(TimeoutError):
                await until(lambda: websocket.close_code is not None, seconds=2 * LIMIT)
            assert failures() - before == 1
            await server.send(vnc_server.UPDATE)
            assert await websocket.read_message() == vnc_server.UPDATE
        await until(lambda: len(broker.registry) == 0)


async def test_a_server_that_sends_no_picture_and_then_goes_is_one_failure(client, broker):
    before = failures()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(vnc_server.recorder())
        add_screen(broker, server)
        with closing(await start(client, "screen")) as websocket:
            await greet(websocket)
            await websocket.write_message(UPDATE_REQUEST, binary=True)
            await until(lambda: failures() > before)
            await stack.aclose()
            await read_to_close(websocket)
        await until(lambda: len(broker.registry) == 0)
        assert failures() - before == 1


@pytest.fixture
def history(broker):
    """The begins and ends of visits, as the history of a service gets them."""
    heard = []
    broker.audit.on_open = lambda session: heard.append(("begin", session.machine))
    broker.audit.on_close = lambda session, reason: heard.append(("end", session.machine))
    return heard


async def test_a_visit_begins_with_the_picture(client, broker, history):
    async with vnc_server.answering(vnc_server.UPDATE) as good:
        add_pool(broker, good)
        websocket = await look_at(client, "lab")
        assert await websocket.read_message() == vnc_server.UPDATE
        await until(lambda: history == [("begin", "m1")])
        websocket.close()
        await until(lambda: len(broker.registry) == 0 and len(history) == 2)
        assert history == [("begin", "m1"), ("end", "m1")]


async def test_who_waits_for_a_machine_and_gives_up_makes_no_visit(client, broker, history):
    async with vnc_server.answering(vnc_server.UPDATE) as good:
        add_pool(broker, good)
        websocket = await look_at(client, "lab")
        assert await websocket.read_message() == vnc_server.UPDATE
        await until(lambda: len(history) == 1)
        websocket.close()
        await until(lambda: len(broker.registry) == 0 and len(history) == 2)
        broker.pools.release("ann", "lab")
        await broker.pools.lease("kim", "lab")
        websocket = await start(client, "lab")
        await until(lambda: broker.pools.waiting("lab"))
        websocket.close()
        await until(lambda: len(broker.registry) == 0)
        assert len(history) == 2


async def test_a_target_that_is_down_makes_no_visit(client, broker, history):
    async with vnc_server.recorder() as gone:
        where = {"host": gone.address.host, "port": gone.address.port}
    broker.sources[0].by_name["screen"] = parse_target("screen", where)
    websocket = await start(client, "screen")
    await until(lambda: len(broker.registry) == 0 and websocket.close_code is not None)
    assert history == []


async def test_a_visit_to_a_server_whose_picture_comes_late_begins_with_it(client, broker, history):
    async with vnc_server.recorder() as server:
        add_screen(broker, server)
        before = failures()
        websocket = await look_at(client, "screen")
        await until(lambda: failures() > before)
        assert history == []
        await server.send(vnc_server.UPDATE)
        await until(lambda: len(history) == 1)
        websocket.close()
        await until(lambda: len(broker.registry) == 0)


async def look_at(client, target):
    websocket = await start(client, target)
    await greet(websocket)
    await websocket.write_message(UPDATE_REQUEST, binary=True)
    return websocket
