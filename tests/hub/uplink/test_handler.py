"""The uplink's end in the service: what a server may do there that runs what its user likes."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, websocket_connect

from jupyter_vnc.broker.walls import EVERY
from jupyter_vnc.hub.uplink import handler, server_end
from jupyter_vnc.hub.uplink.messages import LONGEST
from jupyter_vnc.hub.uplink.uplinks import Uplinks
from jupyter_vnc.model.users import User
from tests.hub.conftest import until
from tests.server import ask_for_websocket, note_calls

REPORT = json.dumps({"looks": True, "desktops": [], "viewers": []})


class Hub:
    """Stands for the hub: knows whose a token is."""

    def __init__(self, *names):
        self.tokens = {name: {"name": name, "kind": "user", "groups": [], "scopes": _own(name)} for name in names}

    async def user_for_token(self, token, use_cache=True, sync=True):
        return self.tokens.get(token)


def _own(name):
    return [f"access:servers!server={name}/", f"users:activity!user={name}"]


@asynccontextmanager
async def service(hub, recheck_interval=0):
    """The service's uplink alone; gives how to connect, and what it knows."""
    uplinks = Uplinks()
    application = Application(
        [("/uplink", handler.Uplink)],
        identity_provider=SimpleNamespace(hub_auth=hub),
        vnc_people=SimpleNamespace(note=lambda model: User(model["name"], frozenset(model["groups"]))),
        vnc_broker=SimpleNamespace(recheck_interval=recheck_interval),
        vnc_uplinks=uplinks,
    )
    server = HTTPServer(application)
    (listening,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(listening)

    async def connect(token):
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/uplink"
        return await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {token}"}))

    connect.port = listening.getsockname()[1]
    try:
        yield connect, uplinks
    finally:
        server.stop()
        await server.close_all_connections()


async def code_of(connection):
    """How the service closes a connection; notices on the way are left out."""
    async with asyncio.timeout(30):
        while await connection.read_message() is not None:
            pass
    return connection.close_code


async def test_who_reports_too_often_is_closed(monkeypatch):
    monkeypatch.setattr(handler, "PER_MINUTE", 0.001)  # nothing comes back, however long this takes
    async with service(Hub("ann")) as (connect, _):
        connection = await connect("ann")
        with suppress(WebSocketClosedError):  # it may be closed before the last
            for _ in range(handler.BURST + 5):
                await connection.write_message(REPORT)
        assert await code_of(connection) == 4400


async def test_who_reports_too_much_is_closed_before_it_is_read():
    async with service(Hub("ann")) as (connect, _):
        connection = await connect("ann")
        with suppress(WebSocketClosedError):
            await connection.write_message(" " * (LONGEST + 1))
        assert await code_of(connection) in {1009, None, 1006}


async def test_a_server_is_its_own_users_and_connects_again_in_place_of_itself():
    async with service(Hub("ann", "amy")) as (connect, uplinks):
        first, amy, second = await connect("ann"), await connect("amy"), await connect("ann")
        assert await code_of(first) == 4409
        assert {key: link.owner.name for key, link in uplinks._links.items()} == {
            ("amy", ""): "amy",
            ("ann", ""): "ann",
        }
        amy.close()
        await until(lambda: len(uplinks._links) == 1)
        second.close()


@pytest.mark.parametrize("now", [None, "amy"], ids=["revoked", "somebody else's"])
async def test_a_token_that_is_not_that_servers_any_more_ends_the_uplink(now):
    hub = Hub("ann", "amy")
    async with service(hub, recheck_interval=0.05) as (connect, uplinks):
        connection = await connect("ann")
        await until(lambda: uplinks._links)
        hub.tokens["ann"] = hub.tokens.get(now)
        assert await code_of(connection) == 4403
        await until(lambda: not uplinks._links)


async def test_the_hub_is_not_asked_for_all_servers_at_one_moment(monkeypatch):
    pauses, names = [], [f"s{nth}" for nth in range(20)]

    async def noted(seconds):
        pauses.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(handler, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": noted}))
    async with service(Hub(*names), recheck_interval=100) as (connect, _):
        connections = [await connect(name) for name in names]
        await until(lambda: len(pauses) == len(names))
        for connection in connections:
            connection.close()
    assert 75 <= min(pauses) < max(pauses) <= 125
    assert len(set(pauses)) == len(names)


async def test_who_is_moved_to_another_group_is_so_on_the_uplink():
    hub = Hub("ann")
    async with service(hub, recheck_interval=0.05) as (connect, uplinks):
        connection = await connect("ann")
        hub.tokens["ann"] = hub.tokens["ann"] | {"groups": ["course-b"]}
        await until(lambda: [link.owner.groups for link in uplinks._links.values()] == [{"course-b"}])
        connection.close()


async def test_a_server_that_does_not_read_is_closed(monkeypatch):
    async with service(Hub("ann")) as (connect, uplinks):
        connection = await connect("ann")
        await until(lambda: uplinks._links)
        (link,) = uplinks._links.values()
        monkeypatch.setattr(link, "write_message", lambda text: asyncio.Event().wait())
        for _ in range(handler.MAX_WAITING + 1):
            link.send({"type": "end"})
        assert await code_of(connection) == 4408


async def test_whoever_has_no_token_of_a_server_is_refused():
    hub = Hub("ann")
    hub.tokens["page"] = hub.tokens["ann"] | {"scopes": _own("ann")[:1]}
    async with service(hub) as (connect, uplinks):
        for token in ("", "wrong", "page"):
            with pytest.raises(HTTPClientError, match="403"):
                await connect(token)
        assert not uplinks._links


async def test_a_server_that_leaves_while_the_hub_is_asked_leaves_nothing_behind(monkeypatch, caplog):
    hub, asked, answered, called = Hub("ann"), asyncio.Event(), asyncio.Event(), []

    async def slow(token, **more):
        asked.set()
        await answered.wait()
        return hub.tokens[token]

    monkeypatch.setattr(hub, "user_for_token", slow)
    monkeypatch.setattr(handler.Uplink, "_check", lambda self, interval: called.append("check") or asyncio.sleep(0))
    note_calls(monkeypatch, handler.Uplink, called)
    async with service(hub, recheck_interval=60) as (connect, uplinks):
        leave = await ask_for_websocket(connect.port, "/uplink", Authorization="token ann")
        await asked.wait()
        leave()
        await until(lambda: called == ["on_close"])
        answered.set()
        await until(lambda: "open" in called)
        assert called == ["on_close", "open"]
        assert not uplinks._links
    assert not [record for record in caplog.records if record.exc_info]


def test_a_server_may_send_at_once_what_a_pause_has_kept_back():
    """No more than until the service misses the answer to a ping: by then the connection is closed anyway."""
    pause = handler.PING + handler.PING / 2
    assert pause / server_end.PAUSE <= handler.BURST
    assert server_end.MAX_PICTURED * pause / EVERY <= handler.PICTURES_AT_ONCE
