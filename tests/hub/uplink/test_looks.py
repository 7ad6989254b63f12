"""Looks into users' servers: who may ask for one, who brings it, and what its ends are told."""

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import websocket_connect

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import (
    LimitExceeded,
    SessionEnded,
    TargetNotFound,
    TargetUncertain,
    TargetUnreachable,
)
from jupyter_vnc.hub.scopes import ADMIN
from jupyter_vnc.hub.uplink import server_end
from jupyter_vnc.hub.uplink.look_socket import LookSocket
from jupyter_vnc.hub.uplink.looks import Looks
from jupyter_vnc.hub.uplink.messages import REPORT, read
from jupyter_vnc.hub.uplink.server_end import MAX_LOOKS
from jupyter_vnc.hub.uplink.server_look import ServerLook
from jupyter_vnc.hub.uplink.uplinks import NOTICES_AT_ONCE
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User
from tests.broker.test_looks import Channel
from tests.hub.conftest import until
from tests.hub.uplink.test_handler import Hub
from tests.hub.uplink.test_server_end import made
from tests.hub.uplink.test_uplinks import DESK, REPORTED, Instructor, Link, connected
from tests.server import ask_for_websocket, note_calls

SUE = User("sue")


@asynccontextmanager
async def service(*links, **more):
    """The service's end alone; gives the servers that it knows, and how somebody brings a desktop.

    Its clock stands still: nothing of a limit comes back meanwhile.
    """
    uplinks = connected(*links, clock=lambda: 0.0)
    uplinks.looks = Looks(**more)
    application = Application(
        [("/looks", LookSocket)],
        identity_provider=SimpleNamespace(hub_auth=Hub("ann", "bob")),
        vnc_people=SimpleNamespace(note=lambda model: User(model["name"], frozenset(model["groups"]))),
        vnc_broker=SimpleNamespace(ping_interval=0),
        vnc_uplinks=uplinks,
    )
    server = HTTPServer(application)
    (listening,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(listening)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    async def bring(token, who="ann", **headers):
        request = HTTPRequest(
            f"{url}/looks".replace("http", "ws", 1), headers={"Authorization": f"token {who}"} | headers
        )
        return await websocket_connect(request, subprotocols=["binary", f"vnc.token.{token}"])

    bring.url = url
    try:
        yield uplinks, bring
    finally:
        server.stop()
        await server.close_all_connections()


def session_at(uplinks, name="desk", owner="ann", server="", mode=Mode.VIEW):
    target, person = uplinks.find(Instructor("sue"), owner, server, name)
    return Session(SUE, target, mode, owner=person, look_in=True)


@asynccontextmanager
async def asked(uplinks, link, mode=Mode.VIEW):
    """A look that the server was asked for; gives the task that waits, and the token."""
    task = asyncio.create_task(uplinks.look(session_at(uplinks, mode=mode)))
    try:
        await until(lambda: link.sent)
        yield task, link.sent[-1]["token"]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_desktop_comes_by_its_token_and_bytes_go_both_ways():
    link = Link()
    async with service(link) as (uplinks, bring), asked(uplinks, link) as (task, token):
        (notice,) = link.sent
        assert (notice["type"], notice["target"], notice["sender"]) == ("look", "desk", "sue")
        there = await bring(token)
        assert there.selected_subprotocol == "binary"
        channel = await task
        await there.write_message(b"RFB", binary=True)
        assert await channel.read() == b"RFB"
        await channel.write(b"back")
        assert await there.read_message() == b"back"
        await channel.close(CloseCode.ENDED, "sue left.")
        assert await there.read_message() is None
        assert (there.close_code, there.close_reason) == (4410, "sue left.")


async def test_nobody_else_brings_it_and_nobody_twice():
    link = Link()
    async with service(link) as (uplinks, bring), asked(uplinks, link) as (task, token):
        for refused in (
            {"who": "bob"},
            {"who": "nobody"},
            {"Origin": "https://hub.example.org"},
        ):
            with pytest.raises(HTTPClientError, match="403"):
                await bring(token, **refused)
        with pytest.raises(HTTPClientError, match="403"):
            await bring("x" * 43)
        there = await bring(token)
        await task
        with pytest.raises(HTTPClientError, match="403"):
            await bring(token)
        there.close()


ENDS = {
    "ended": (4410, "ann ended this session.", SessionEnded, "The server of ann says: ann ended this session."),
    "stopped": (4404, "It does not run any more.", TargetNotFound, "The server of ann says: It does not run any more."),
    "long": (4410, "x" * 123, SessionEnded, "The server of ann says: xxx"),
    "too many": (4429, "", LimitExceeded, "A limit is reached"),
    "made up": (4999, "<b>", TargetUnreachable, "The connection to the server of ann was lost."),
    "restart": (1012, "", TargetUnreachable, "The connection to the server of ann was lost."),
}


@pytest.mark.parametrize(("code", "reason", "error", "sentence"), ENDS.values(), ids=ENDS)
async def test_its_end_has_a_sentence(code, reason, error, sentence):
    link = Link()
    async with service(link) as (uplinks, bring), asked(uplinks, link) as (task, token):
        there = await bring(token)
        channel = await task
        there.close(code, reason)
        with pytest.raises(error) as caught:
            await channel.read()
        assert str(caught.value).startswith(sentence)


async def test_a_normal_end_is_one_and_a_broken_connection_is_none():
    link = Link()
    async with service(link) as (uplinks, bring):
        async with asked(uplinks, link) as (task, token):
            there = await bring(token)
            channel = await task
            there.close(1000, "")
            assert await channel.read() == b""
        async with asked(uplinks, link) as (task, _):
            await until(lambda: len(link.sent) == 2)
            there = await bring(link.sent[-1]["token"])
            channel = await task
            there.stream.close()
            with pytest.raises(TargetUnreachable, match="lost"):
                await channel.read()


async def test_a_server_that_leaves_while_the_hub_is_asked_leaves_nothing_behind(monkeypatch, caplog):
    link, hub_asked, answered, called = Link(), asyncio.Event(), asyncio.Event(), []

    async def slow(self, token, **more):
        hub_asked.set()
        await answered.wait()
        return self.tokens[token]

    monkeypatch.setattr(Hub, "user_for_token", slow)
    note_calls(monkeypatch, LookSocket, called)
    async with service(link) as (uplinks, bring), asked(uplinks, link) as (task, token):
        offered = {"Authorization": "token ann", "Sec-WebSocket-Protocol": f"binary, vnc.token.{token}"}
        leave = await ask_for_websocket(urlsplit(bring.url).port, "/looks", **offered)
        await hub_asked.wait()
        leave()
        await until(lambda: called == ["on_close"])
        answered.set()
        async with asyncio.timeout(30):
            with pytest.raises(TargetUnreachable, match="The connection to the server of ann was lost"):
                await task
        assert called == ["on_close", "open"]
    assert not [record for record in caplog.records if record.exc_info]


async def test_text_ends_it():
    link = Link()
    async with service(link) as (uplinks, bring), asked(uplinks, link) as (task, token):
        there = await bring(token)
        await task
        await there.write_message("text")
        assert await there.read_message() is None
        assert there.close_code == 4400


async def test_a_server_that_does_not_bring_it_in_time_comes_too_late():
    link = Link()
    async with service(link, patience=0.05) as (uplinks, bring):
        with pytest.raises(TargetUnreachable, match="The server of ann did not answer in time"):
            await uplinks.look(session_at(uplinks))
        with pytest.raises(HTTPClientError, match="403"):
            await bring(link.sent[0]["token"])
        assert uplinks.looks._waiting == {}


@pytest.mark.parametrize("how", ["remove", "replace"])
async def test_who_waits_is_told_at_once_that_the_server_is_gone(how):
    link = Link()
    async with service(link) as (uplinks, _), asked(uplinks, link) as (task, _):
        if how == "remove":
            uplinks.remove(link)
        else:
            uplinks.add(Link())
        with pytest.raises(TargetUnreachable, match="The server of ann is gone"):
            await task
        if how == "remove":
            with pytest.raises(TargetUncertain):
                session_at(uplinks)


async def test_who_asks_without_end_is_told_so_and_the_server_is_not_asked():
    link = Link()
    async with service(link, patience=0) as (uplinks, _):
        for _ in range(NOTICES_AT_ONCE):
            with pytest.raises(TargetUnreachable):
                await uplinks.look(session_at(uplinks))
        with pytest.raises(LimitExceeded, match="Too many requests to this server"):
            await uplinks.look(session_at(uplinks))
        assert len(link.sent) == NOTICES_AT_ONCE


@pytest.mark.parametrize("back", [False, True])
async def test_what_a_server_shows_ends_when_it_does_not_come_back(back):
    link, other = Link(), Link("bob")
    async with service(link, other, pause=0) as (uplinks, bring), asked(uplinks, link) as (task, token):
        there = await bring(token)
        channel = await task
        uplinks.remove(other)
        uplinks.remove(link)
        if back:
            uplinks.add(Link())
            for _ in range(3):
                await there.write_message(b"picture", binary=True)
                assert await channel.read() == b"picture"
            there.close()
        else:
            async with asyncio.timeout(30):
                with pytest.raises(TargetUnreachable, match="lost"):
                    await channel.read()
                assert await there.read_message() is None
        await until(lambda: not uplinks.looks._shown)


async def test_a_look_that_came_while_nobody_waits_any_more_is_closed():
    link = Link()
    async with service(link) as (uplinks, _), asked(uplinks, link) as (task, _):
        (look,) = uplinks.looks._waiting.values()
        channel = Channel()
        # In one moment: the task is to go on with what has come, and is told to stop.
        look.came.set_result(channel)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert channel.closed
        assert uplinks.looks._waiting == {}


@pytest.mark.parametrize(("said", "mode"), [({}, "view"), ({"control": False}, "view"), ({"control": True}, "control")])
def test_an_instructor_takes_control_where_the_server_permits_it(said, mode):
    uplinks = connected(Link(report=read(json.dumps(REPORTED | said), REPORT)))
    target, _ = uplinks.find(Instructor(), "ann", "", "desk")
    assert (target.mode, target.viewer.clipboard, target.viewer.resize) == (mode, "off", "scale")


def test_who_may_look_at_what():
    uplinks = connected(
        Link(),
        Link("amy", report={**REPORTED, "looks": False}),
        Link("bob", ["course-b"]),
        Link(server="second", report={**REPORTED, "desktops": [DESK | {"name": "other"}]}),
    )

    def sees(owner, server, name, instructor=None):
        try:
            target, person = uplinks.find(instructor or Instructor(), owner, server, name)
        except TargetNotFound:
            return False
        assert (target.mode, target.viewer.clipboard, target.viewer.resize) == (Mode.VIEW, "off", "scale")
        return person.name == owner

    assert sees("ann", "", "desk")
    assert sees("ann", "second", "other")
    refused = [
        ("ann", "", "other"),
        ("ann", "second", "desk"),
        ("ann", "third", "desk"),
        ("amy", "", "desk"),
        ("bob", "", "desk"),
        ("zoe", "", "desk"),
    ]
    assert [one for one in refused if sees(*one)] == []
    assert not sees("ann", "", "desk", Instructor("bea", f"{ADMIN}!group=course-b"))
    assert not sees("ann", "", "desk", Instructor("wim", "custom:jupyter-vnc:view!group=course-a"))
    assert not sees("ann", "", "desk", Instructor("wim", "custom:jupyter-vnc:control"))
    assert sees("bob", "", "desk", Instructor("root", ADMIN))
    uplinks.add(Link(report=REPORTED | {"desktops": [DESK | {"state": "starting"}]}))
    assert not sees("ann", "", "desk")


async def test_a_slow_instructor_stops_the_server_and_nobody_else():
    slow, quick = Link(), Link()
    async with service(slow) as (uplinks, bring), asked(uplinks, slow) as (task, token):
        there = ServerLook(await bring(token))
        await task
        sent = 0

        async def flood():
            nonlocal sent
            for _ in range(1024):
                await there.write(bytes(64 * 1024))
                sent += 1

        flooding = asyncio.create_task(flood())
        await until(lambda: sent > 16)
        stood, rounds = -1, 0
        async with asyncio.timeout(30):
            while rounds < 4:
                await asyncio.sleep(0.1)
                rounds = rounds + 1 if stood == sent else 0
                stood = sent
        assert not flooding.done()
        assert 16 < sent < 512, "what nobody looks at is not taken"
        uplinks.add(quick)
        other = asyncio.create_task(uplinks.look(session_at(uplinks)))
        await until(lambda: quick.sent)
        second = await bring(quick.sent[-1]["token"])
        channel = await other
        await second.write_message(b"picture", binary=True)
        assert await channel.read() == b"picture"
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        second.close()


@pytest.mark.parametrize("mode", Mode)
async def test_a_server_brings_what_it_is_asked_for_and_shows_it(mode):
    link = Link()
    async with service(link) as (uplinks, bring):
        shown = []

        async def look(visitor, name, channel, mode):
            shown.append((visitor.name, name, mode))
            await channel.write(await channel.read())
            await channel.close(CloseCode.ENDED, "ann ended this session.")

        end = made(Hub(), look=look)
        end._auth.api_token = "ann"
        async with asked(uplinks, link, mode) as (task, _):
            end._obey(link.sent[-1], bring.url)
            channel = await task
            await channel.write(b"RFB")
            assert await channel.read() == b"RFB"
            with pytest.raises(SessionEnded):
                await channel.read()
        assert shown == [("sue", "desk", mode)]
        await until(lambda: not end._looks)
        await end.close()


async def test_who_pauses_is_not_cut_off_before_the_session_says_so(monkeypatch):
    asked_for = []

    async def connect(request, **options):
        asked_for.append((request.url.rpartition("/")[2], options["ping_interval"], options["ping_timeout"]))
        raise OSError

    monkeypatch.setattr(server_end, "websocket_connect", connect)
    end = made(Hub(), look=lambda *args: None)
    end._obey({"type": "look", "target": "desk", "sender": "sue", "token": "t" * 43}, "http://127.0.0.1:1/")
    await until(lambda: asked_for)
    with pytest.raises(OSError):
        await end._connect("http://127.0.0.1:1/")
    (look, every, within), uplink = asked_for
    assert (look, uplink) == ("looks", ("uplink", 30.0, 15.0))
    # Tornado counts from the ping, which may go just before the pause.
    assert every >= within > 2 * VNCBroker.stall_timeout.default_value


@pytest.fixture
def nobody_gives_up(monkeypatch):
    """Whoever closes a websocket waits for its other end for ever, where tornado gives up after five seconds."""
    add_timeout = IOLoop.add_timeout

    def patient(loop, deadline, callback, *args, **more):
        gives_up = getattr(callback, "__name__", "") == "_abort"
        return add_timeout(loop, deadline + 3600 if gives_up else deadline, callback, *args, **more)

    monkeypatch.setattr(IOLoop, "add_timeout", patient)
    monkeypatch.setattr(server_end, "CLOSING", 3600.0)


async def test_a_look_that_ends_with_unread_messages_is_closed_at_once_and_leaves_nothing(nobody_gives_up):
    link = Link()
    async with service(link) as (uplinks, bring):
        before, over = asyncio.all_tasks(), asyncio.Event()

        async def look(visitor, name, channel, mode):
            await over.wait()
            await channel.close(CloseCode.ENDED, "ann ended this session.")

        end = made(Hub(), look=look)
        end._auth.api_token = "ann"
        async with asked(uplinks, link) as (task, _):
            end._obey(link.sent[-1], bring.url)
            channel = await task
            for _ in range(8):
                await channel.write(b"unread")
            over.set()
            async with asyncio.timeout(30):
                with pytest.raises(SessionEnded):
                    await channel.read()
                await until(lambda: not end._looks)
        await until(lambda: asyncio.all_tasks() <= before)
        await end.close()


async def test_a_server_that_shows_nothing_dials_nothing_and_too_many_are_left():
    begun = []

    async def look(visitor, name, channel, mode):
        raise AssertionError

    notice = {"type": "look", "target": "desk", "sender": "sue", "token": "t" * 43}
    closed, busy = made(Hub()), made(Hub(), look=look)
    for end in (closed, busy):
        end._open = lambda *args, **pings: begun.append(args) or asyncio.sleep(60)
        for _ in range(MAX_LOOKS + 5):
            end._obey(notice, "http://127.0.0.1:1/")
    await until(lambda: len(begun) == MAX_LOOKS)
    assert (len(closed._looks), len(busy._looks)) == (0, MAX_LOOKS)
    for end in (closed, busy):
        end._task = asyncio.create_task(asyncio.sleep(0))
        await end.close()
    assert busy._looks == set()


async def test_a_service_that_is_gone_meanwhile_is_a_line_in_the_log(caplog):
    caplog.set_level("INFO")
    end = made(Hub(), look=lambda *args: None)
    end._obey({"type": "look", "target": "desk", "sender": "sue", "token": "t" * 43}, "http://127.0.0.1:1/")
    await until(lambda: not end._looks)
    assert "A desktop cannot be shown" in caplog.text
    assert "t" * 43 not in caplog.text
