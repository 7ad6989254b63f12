"""``WS stream``: who gets it, when it ends, and a tone of a desktop in it, by its frequency."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import statistics

import pytest
from tornado.httpclient import HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from jupyter_vnc.stream_socket import UNSENT, hold_little
from tests.bare_browser import GREETING
from tests.desktops.conftest import PROGRAMS
from tests.desktops.house import *  # noqa: F403 - fixtures
from tests.desktops.sound.opus import decode
from tests.desktops.sound.tones import TONE, frequency, play, tone
from tests.needs import require
from tests.server import read_to_close

pytestmark = pytest.mark.real

ON, OFF = b"\x12\x01", b"\x12\x00"
HEARD, UNHEARD = b"\x03\x01", b"\x03\x00"


@pytest.fixture(scope="module")
def jp_server_config():
    require(*PROGRAMS, "pulseaudio", "pacat")
    desktop = {"command": ["xclock"], "geometry": "320x240"}
    targets = {
        "desktop": {"desktop": desktop},
        "watched": {"desktop": desktop, "mode": "view"},
        "silent": {"desktop": desktop, "sound": False},
        "remote": {"host": "127.0.0.1", "port": 1},
    }
    extensions = {"jupyter_vnc": True, "jupyter_server_terminals": False}
    return {"ServerApp": {"jpserver_extensions": extensions}, "VNCBroker": {"targets": targets, "tokens_per_minute": 0}}


async def until(true):
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


async def look_at(client, broker, name="desktop"):
    """Open a viewer's websocket, and return it once its desktop is up."""
    websocket = await client.connect((await client.issue(name))["token"])
    for words in GREETING:
        await websocket.write_message(words, binary=True)
    await until(lambda: broker.desktop_manager.environment(owner(broker), name))
    await until(lambda: is_ready(broker, name))
    return websocket


def is_ready(broker, name):
    """Whether the sound server of a desktop that is up answers: it starts after that."""
    environ = broker.desktop_manager.environment(owner(broker), name)
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(environ["PULSE_SERVER"].removeprefix("unix:")) == 0


def owner(broker):
    """Whose the desktop is that somebody looks at; empty while nobody does."""
    return next((session.owner.name for session in broker.registry), "")


def newest(broker, name="desktop"):
    """The id of the session on a desktop that began last."""
    return [session.id for session in broker.registry if session.target.name == name][-1]


async def listen_to(client, broker, name="desktop", session="", **options):
    issued = await client.issue(name, kind="stream", session=session or newest(broker, name))
    assert issued["websocket"].endswith("/vnc/stream"), issued
    return await client.connect(issued["token"], path="/stream", **options)


async def refused(client, name):
    answer = await client.fetch("/api/tokens", "POST", client.token, {"target": name, "kind": "stream"})
    return answer.code, json.loads(answer.body)["message"]


async def packets(stream, count):
    """Read until so many packets of sound have come; return them, and what came beside them."""
    found, rest = [], []
    async with asyncio.timeout(60):
        while len(found) < count:
            message = await stream.read_message()
            assert message is not None, (stream.close_code, stream.close_reason)
            found.append(message) if message[0] == 2 else rest.append(message)
    return found, rest


async def test_a_tone_on_the_desktop_is_in_the_stream(client, broker):
    session = await look_at(client, broker)
    environ = os.environ | broker.desktop_manager.environment(owner(broker), "desktop")
    stream = await listen_to(client, broker)
    await stream.write_message(ON, binary=True)
    assert await stream.read_message() == HEARD
    playing = asyncio.create_task(play(environ, tone(3.0)))
    found, rest = await packets(stream, 75)
    assert rest == []
    times = [int.from_bytes(message[1:5]) for message in found]
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    # A viewer that reads late misses whole packets.
    assert min(steps) == statistics.median(steps) == 960
    assert not any(step % 960 for step in steps)
    whole = longest(found, steps)
    assert len(whole) > 20
    assert frequency(decode([message[5:] for message in whole])[20_000:]) == pytest.approx(TONE, abs=1.0)
    await stream.write_message(OFF, binary=True)
    await playing
    session.close()
    _, code, _ = await read_to_close(stream)
    assert code == 1000


def longest(found, steps):
    """The longest run of packets of which none is missing between two: a gap would count as a part of the tone."""
    ends = [0, *(number for number, step in enumerate(steps, 1) if step != 960), len(found)]
    return max((found[first:end] for first, end in itertools.pairwise(ends)), key=len)


async def until_quiet(stream):
    """Count the messages that come until none has for a while."""
    heard = 0
    with contextlib.suppress(TimeoutError):
        while await asyncio.wait_for(stream.read_message(), 0.7):
            heard += 1
    return heard


async def test_nothing_is_sent_while_it_is_off_or_the_desktop_is_silent(client, broker):
    await look_at(client, broker)
    environ = os.environ | broker.desktop_manager.environment(owner(broker), "desktop")
    stream = await listen_to(client, broker)
    await play(environ, tone(0.5))
    # Had anything been sent while it was off, it would come before this.
    await stream.write_message(ON, binary=True)
    assert await stream.read_message() == HEARD
    # The end of the tone may still sound.
    assert await until_quiet(stream) < 20


async def test_who_gets_no_token(client):
    for name, status, said in (
        ("silent", 404, "This desktop has no sound."),
        ("remote", 404, "This desktop has no sound."),
        ("nowhere", 404, "There is no such desktop, or you may not use it."),
        ("desktop", 403, "Open the desktop first: sound comes with its picture."),
    ):
        assert await refused(client, name) == (status, said)


async def test_the_list_says_what_can_be_heard(client):
    rows = json.loads((await client.fetch("/api/targets", headers=client.token)).body)
    assert {row["name"]: row["sound"] for row in rows} == {
        "desktop": True,
        "watched": True,
        "silent": False,
        "remote": False,
    }


async def test_a_token_opens_its_own_websocket_only(client, broker):
    await look_at(client, broker)
    for kind, path in (("session", "/stream"), ("stream", "/ws")):
        issued = await client.issue("desktop", kind=kind, session=newest(broker))
        with pytest.raises(HTTPClientError) as caught:
            await client.connect(issued["token"], path=path)
        assert caught.value.code == 403


async def test_whoever_may_only_look_may_listen(client, broker):
    await look_at(client, broker, "watched")
    stream = await listen_to(client, broker, "watched")
    await stream.write_message(ON, binary=True)
    assert await stream.read_message() == HEARD


async def test_it_comes_over_a_unix_socket_too(client, broker, tmp_path):
    """On which a server may listen (``ServerApp.sock``), and where the kernel knows no option of TCP."""
    await look_at(client, broker)
    issued = await client.issue("desktop", kind="stream", session=newest(broker))
    path = tmp_path / "jupyter"
    server = HTTPServer(client.app.web_app)
    server.add_socket(bind_unix_socket(str(path)))
    reader, writer = await asyncio.open_unix_connection(path)
    lines = {
        **client.token,
        "Host": client.origin.removeprefix("http://"),
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": f"binary, vnc.token.{issued['token']}",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"GET {client.url('/stream')} HTTP/1.1\r\n{head}\r\n".encode())
    async with asyncio.timeout(60):
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x82\x82" + bytes(4) + ON)
        assert await reader.readexactly(4) == b"\x82\x02" + HEARD
    writer.close()
    server.stop()


@pytest.mark.parametrize("closed", [False, True])
def test_what_the_kernel_holds_is_limited_where_it_can_be(closed):
    """A viewer may have left before its stream begins."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as link:
        if closed:
            link.close()
        hold_little(link)
        hold_little(None)
        if not closed:
            assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == UNSENT


async def test_it_ends_when_somebody_ends_the_session(client, broker):
    await look_at(client, broker)
    stream = await listen_to(client, broker)
    (session,) = broker.registry
    await client.fetch(f"/api/sessions/{session.id}", "DELETE", client.token)
    _, code, _ = await read_to_close(stream)
    assert code == 1000


@pytest.mark.parametrize("ended", [0, 1])
async def test_each_ends_with_its_own_session(ended, client, broker):
    """And the other window of the same user is heard on."""
    streams, sessions = [], []
    for _ in range(2):
        await look_at(client, broker)
        sessions.append(newest(broker))
        streams.append(await listen_to(client, broker))
    # Opened in the other order than the sessions began, too.
    streams[0].close()
    await until(lambda: len(broker.streams._live) == 1)
    streams[0] = await listen_to(client, broker, session=sessions[0])
    await until(lambda: len(broker.streams._live) == 2)
    await client.fetch(f"/api/sessions/{sessions[ended]}", "DELETE", client.token)
    _, code, _ = await read_to_close(streams[ended])
    assert code == 1000
    await streams[1 - ended].write_message(ON, binary=True)
    assert await streams[1 - ended].read_message() == HEARD


async def test_a_token_is_of_no_use_once_its_session_has_ended(client, broker):
    first = await look_at(client, broker)
    session = newest(broker)
    issued = await client.issue("desktop", kind="stream", session=session)
    await look_at(client, broker)
    first.close()
    await until(lambda: session not in {one.id for one in broker.registry})
    with pytest.raises(HTTPClientError) as caught:
        await client.connect(issued["token"], path="/stream")
    assert caught.value.code == 403
    answer = await client.issue("desktop", kind="stream", session=session)
    assert answer["message"] == "Open the desktop first: sound comes with its picture."


async def test_of_more_streams_than_sessions_the_oldest_ends(client, broker):
    """It may be what is left of a viewer that was reloaded."""
    await look_at(client, broker)
    first, second = await listen_to(client, broker), await listen_to(client, broker)
    _, code, _ = await read_to_close(first)
    assert code == 1000
    await second.write_message(ON, binary=True)
    assert await second.read_message() == HEARD


async def test_what_is_no_message_of_the_protocol(client, broker):
    await look_at(client, broker)
    for message, expected in ((b"\x12\x02", 4400), ("on", 4400), (b"\x12" * 17, 1009)):
        stream = await listen_to(client, broker)
        await stream.write_message(message, binary=isinstance(message, bytes))
        _, code, _ = await read_to_close(stream)
        assert code == expected


async def test_a_streamer_that_is_killed_comes_back_and_leaves_with_its_last_listener(client, broker, monkeypatch):
    await look_at(client, broker)
    user = owner(broker)
    environ = os.environ | broker.desktop_manager.environment(user, "desktop")
    tree = broker.desktop_manager._entries[user, "desktop"].desktop._tree
    stream = await listen_to(client, broker)
    await stream.write_message(ON, binary=True)
    assert await stream.read_message() == HEARD
    os.kill(tree._started["stream"].result(), signal.SIGKILL)
    assert [await stream.read_message() for _ in range(2)] == [UNHEARD, HEARD]
    playing = asyncio.create_task(play(environ, tone(2.0)))
    await packets(stream, 10)
    await playing


async def test_sound_goes_on_after_pulseaudio_was_killed(client, broker):
    await look_at(client, broker)
    user = owner(broker)
    environ = os.environ | broker.desktop_manager.environment(user, "desktop")
    tree = broker.desktop_manager._entries[user, "desktop"].desktop._tree
    stream = await listen_to(client, broker)
    await stream.write_message(ON, binary=True)
    assert await stream.read_message() == HEARD
    await until(lambda: "sound" in tree._started and tree._started["sound"].done())
    first = tree._started["sound"].result()
    os.kill(first, signal.SIGKILL)
    await until(lambda: tree._started["sound"].done() and tree._started["sound"].result() != first)
    heard = asyncio.create_task(packets(stream, 10))
    async with asyncio.timeout(90):
        while not heard.done():
            with_sound = asyncio.create_task(play_once(environ))
            await with_sound
    assert len(heard.result()[0]) == 10


async def play_once(environ):
    """Play a little; the sound server may not be there."""
    try:
        await play(environ, tone(0.5))
    except (AssertionError, BrokenPipeError, ConnectionResetError):
        await asyncio.sleep(0.1)


async def test_nothing_of_it_is_left_when_the_desktop_is_stopped(client, broker):
    await look_at(client, broker)
    stream = await listen_to(client, broker)
    await stream.write_message(ON, binary=True)
    assert await stream.read_message() == HEARD
    assert (await client.fetch("/api/desktops/desktop", "DELETE", client.token)).code == 204
    _, code, _ = await read_to_close(stream)
    assert code == 1000
