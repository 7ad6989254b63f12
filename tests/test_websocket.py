"""The websocket route with real sockets on both legs: what each fault becomes, and that nothing stays open."""

import asyncio
import json
import logging
import re
import secrets
import socket
from functools import partial
from types import SimpleNamespace

import pytest
from jupyter_server.auth.identity import IdentityProvider, User
from prometheus_client import REGISTRY
from tornado.httpclient import HTTPClientError
from tornado.iostream import IOStream

from jupyter_vnc.broker.audit import SESSION_EVENT
from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.model import sessions
from jupyter_vnc.stream_socket import StreamWebSocket
from jupyter_vnc.websocket import VNCWebSocket
from tests.fakes import vnc_server
from tests.server import ask_for_websocket, note_calls, read_to_close

KEY_A = b"\x04\x01\x00\x00\x00\x00\x00\x61"
UPDATE_REQUEST = b"\x03\x01\x00\x00\x00\x00\x00\x40\x00\x30"


class NamedByHeader(IdentityProvider):
    """Everybody is whom a header says: so that a test can be two people."""

    async def get_user(self, handler):
        name = handler.request.headers.get("X-User", "ann")
        handler._token_authenticated = True
        return User(name)

    def is_token_authenticated(self, handler):
        return True


@pytest.fixture
def jp_server_config():
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
            "identity_provider_class": NamedByHeader,
        },
        "VNCBroker": {
            "targets": {"none": {"host": "127.0.0.1", "port": 1}},
            "tokens_per_minute": 0,
            "tokens_per_user": 1000,
        },
    }


def add_target(broker, server, name="fake", **keys):
    """Let the broker have the fake server as a target."""
    where = {"host": server.address.host, "port": server.address.port}
    broker.sources[0].by_name[name] = parse_target(name, {**where, **keys})


async def start(client, target="fake", headers=None):
    """Open the websocket of a target with a fresh token."""
    issued = await client.issue(target, headers)
    return await client.connect(issued["token"], headers)


async def greet(websocket):
    """Play noVNC up to ClientInit; return what of ServerInit has come."""
    data = b""

    async def read(count):
        nonlocal data
        while len(data) < count:
            message = await websocket.read_message()
            assert message is not None, f"closed with {websocket.close_code}: {websocket.close_reason}"
            data += message
        piece, data = data[:count], data[count:]
        return piece

    assert await read(12) == b"RFB 003.008\n"
    await websocket.write_message(b"RFB 003.008\n", binary=True)
    assert await read(2) == b"\x01\x01"
    await websocket.write_message(b"\x01", binary=True)
    assert await read(4) == bytes(4)
    await websocket.write_message(b"\x00", binary=True)
    return await read(len(vnc_server.SERVER_INIT))


async def until(condition, seconds=30.0):
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


#: ServerInit without its name, which is within the limit, or not.
LONG_NAME = vnc_server.SERVER_INIT[:20] + (60_000).to_bytes(4)
HUGE_NAME = vnc_server.SERVER_INIT[:20] + b"\xff" * 4 + b"x" * 100

FAULTS = {
    "refused": (vnc_server.refusing, {}, 4502),
    "silent": (vnc_server.silent, {"handshake_timeout": 0.3}, 4502),
    "speechless": (vnc_server.speechless, {"handshake_timeout": 0.3}, 4502),
    "one byte": (partial(vnc_server.unfinished, b"\0"), {"handshake_timeout": 0.3}, 4502),
    "all but the last byte": (
        partial(vnc_server.unfinished, vnc_server.SERVER_INIT[:-1]),
        {"handshake_timeout": 0.3},
        4502,
    ),
    "dripping": (partial(vnc_server.unfinished, LONG_NAME, 0.02), {"handshake_timeout": 0.3}, 4502),
    "name of 4 GiB": (partial(vnc_server.unfinished, HUGE_NAME), {}, 4504),
    "garbage": (vnc_server.garbage, {}, 4504),
    "http": (vnc_server.http_instead, {}, 4504),
    "wrong password": (vnc_server.wrong_password, {"password": "canary42"}, 4503),
    "blacklisting": (vnc_server.blacklisting, {}, 4502),
    "huge reason": (vnc_server.huge_reason, {}, None),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_the_target_is_a_close_code_and_nothing_stays(client, broker, fault, caplog):
    make, keys, expected = FAULTS[fault]
    async with make() as server:
        add_target(broker, server, **keys)
        websocket = await start(client)
        await websocket.write_message(b"RFB 003.008\n", binary=True)
        _, code, reason = await read_to_close(websocket)
        await until(lambda: len(broker.registry) == 0)
    assert code == expected or (expected is None and code in {4502, 4503, 4504})
    assert reason
    assert "127.0.0.1" not in reason
    assert "canary42" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info and record.levelno >= logging.ERROR]


async def test_a_desktop_that_closes_instead_of_describing_itself_has_ended(client, broker):
    async with vnc_server.unfinished(vnc_server.SERVER_INIT[:30]) as server:
        add_target(broker, server)
        websocket = await start(client)
        await server.until(lambda: server.shared == [1])
        server.hang_up()
        await websocket.write_message(b"RFB 003.008\n\1\0", binary=True)
        heard, code, reason = await read_to_close(websocket)
        assert (code, reason) == (1000, "The desktop has ended the connection.")
        assert vnc_server.SERVER_INIT[:4] not in heard


async def test_what_a_desktop_says_of_itself_in_pieces_comes_whole(client, broker):
    async with vnc_server.unfinished(vnc_server.SERVER_INIT[:-3], 0.01) as server:
        add_target(broker, server)
        websocket = await start(client)
        assert await greet(websocket) == vnc_server.SERVER_INIT[:-3] + b"xxx"
        websocket.close()


async def test_a_viewer_that_has_not_said_a_word_is_told_what_desktop_it_is(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        welcome = b"RFB 003.008\n" + b"\x01\x01" + bytes(4) + vnc_server.SERVER_INIT
        heard = b""
        while len(heard) < len(welcome):
            heard += await websocket.read_message()
        assert heard == welcome
        assert server.shared == [1]
        # What it says is looked at all the same, and none of it reaches the desktop.
        await websocket.write_message(b"RFB 003.008\n\x02", binary=True)
        assert (await read_to_close(websocket))[1] == 4400
        assert server.received == b""


async def test_a_viewer_that_leaves_while_it_waits_frees_the_target(client, broker):
    async with vnc_server.silent() as server:
        add_target(broker, server, handshake_timeout=60)
        websocket = await start(client)
        for words in (b"RFB 003.008\n", b"\x01"):
            await websocket.write_message(words, binary=True)
        await server.until(lambda: server.open == 1)
        websocket.close()
        await server.until(lambda: server.open == 0)
        await until(lambda: len(broker.registry) == 0)


@pytest.mark.parametrize("kind", [VNCWebSocket, StreamWebSocket])
async def test_a_viewer_that_leaves_while_its_token_is_redeemed_is_not_served(
    kind, client, broker, jp_http_port, monkeypatch, caplog
):
    path, served_by = {VNCWebSocket: ("/ws", broker), StreamWebSocket: ("/stream", broker.streams)}[kind]
    asked, redeemed, called, served = asyncio.Event(), asyncio.Event(), [], []

    async def slow(visitor, token):
        asked.set()
        await redeemed.wait()

    monkeypatch.setattr(served_by, "redeem", slow)
    monkeypatch.setattr(served_by, "open", lambda *what: served.append(what))
    note_calls(monkeypatch, kind, called)
    offered = {"Sec-WebSocket-Protocol": "binary, vnc.token.x"}
    leave = await ask_for_websocket(jp_http_port, client.url(path), **offered, **client.token)
    await asked.wait()
    leave()
    await until(lambda: called == ["on_close"])
    redeemed.set()
    await until(lambda: "open" in called)
    assert served == []
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_stream_whose_connection_is_gone_already_ends_without_an_error():
    here, there = socket.socketpair()
    there.close()
    gone = IOStream(here)
    gone.close()
    opened = []
    streams = SimpleNamespace(open=lambda heard, channel: opened.append(channel))
    parts = {"broker": SimpleNamespace(streams=streams), "heard": None, "channel": "a channel"}
    StreamWebSocket.serve(SimpleNamespace(ws_connection=SimpleNamespace(stream=gone), **parts))
    assert opened == ["a channel"]


async def test_a_socket_that_is_missing(client, broker, tmp_path):
    broker.sources[0].by_name["fake"] = parse_target("fake", {"socket": str(tmp_path / "no.sock")})
    _, code, reason = await read_to_close(await start(client))
    assert (code, str(tmp_path) in reason) == (4502, False)


async def test_pixels_come_and_input_goes(client, broker, jp_serverapp, monkeypatch):
    settings = jp_serverapp.web_app.settings
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        assert await greet(websocket) == vnc_server.SERVER_INIT
        assert server.shared == [1]  # though the viewer asked to be alone
        await websocket.write_message(UPDATE_REQUEST, binary=True)
        await until(lambda: bytes(server.received) == UPDATE_REQUEST)
        await server.send(b"a picture")
        assert await websocket.read_message() == b"a picture"
        assert settings.get("vnc_last_activity") is None
        assert not jp_serverapp.extension_manager.any_activity()  # an open tab keeps no server
        await websocket.write_message(KEY_A[:3], binary=True)
        await websocket.write_message(KEY_A[3:], binary=True)
        await until(lambda: bytes(server.received) == UPDATE_REQUEST + KEY_A)
        assert settings.get("vnc_last_activity") is not None
        assert jp_serverapp.extension_manager.any_activity()
        monkeypatch.setattr(sessions, "RECENT", 0.0)
        assert not jp_serverapp.extension_manager.any_activity()
        await server.send(b"pixels")
        assert await websocket.read_message() == b"pixels"
        (row,) = json.loads((await client.fetch("/api/sessions", headers=client.token)).body)
        assert (row["target"], row["user"], row["mode"]) == ("fake", "ann", "control")
        assert row["last_input"]
        websocket.close()
        await until(lambda: len(broker.registry) == 0)


async def test_an_empty_message_is_nothing(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        await greet(websocket)
        for word in (b"", UPDATE_REQUEST[:3], b"", b"", UPDATE_REQUEST[3:]):
            await websocket.write_message(word, binary=True)
        await until(lambda: bytes(server.received) == UPDATE_REQUEST)
        assert len(broker.registry) == 1
        websocket.close()


POINTER = b"\x05\x00\x00\x05\x00\x05"
CUT_TEXT = b"\x06\x00\x00\x00\x00\x00\x00\x02hi"


@pytest.mark.parametrize(
    ("mode", "words", "counts"),
    [
        ("control", KEY_A, True),
        ("control", POINTER, True),
        ("control", CUT_TEXT, True),
        ("control", b"\x00\x00\x00\x00" + bytes([32, 24]) + bytes(14), False),
        ("control", b"\xf8\x00\x00\x00\x00\x00\x00\x00\x00", False),
        ("view", KEY_A + POINTER + CUT_TEXT, False),
    ],
)
async def test_activity_is_input_that_arrives(mode, words, counts, client, broker, jp_serverapp):
    async with vnc_server.recorder() as server:
        add_target(broker, server, mode=mode)
        websocket = await start(client)
        await greet(websocket)
        await websocket.write_message(words + UPDATE_REQUEST, binary=True)
        await until(lambda: server.received.endswith(UPDATE_REQUEST))
        (session,) = broker.registry
        assert bool(session.last_input) is counts
        assert bool(jp_serverapp.web_app.settings.get("vnc_last_activity")) is counts
        assert bool(broker.current_activity()) is counts
        websocket.close()


async def test_view_mode_drops_keys(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server, mode="view")
        websocket = await start(client)
        await greet(websocket)
        await websocket.write_message(KEY_A + UPDATE_REQUEST, binary=True)
        await until(lambda: bytes(server.received) == UPDATE_REQUEST)
        denied = await client.fetch("/api/tokens", "POST", client.token, {"target": "fake", "mode": "control"})
        assert denied.code == 403
        websocket.close()


async def test_a_target_that_ends(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        await greet(websocket)
        server.hang_up()
        assert (await read_to_close(websocket))[1:] == (1000, "The desktop has ended the connection.")


async def test_a_session_that_is_ended_from_the_list(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        await greet(websocket)
        (session,) = broker.registry
        stranger = {**client.token, "X-User": "bob"}
        assert (await client.fetch(f"/api/sessions/{session.id}", "DELETE", stranger)).code == 404
        assert (await client.fetch(f"/api/sessions/{session.id}", "DELETE", client.token)).code == 204
        assert (await read_to_close(websocket))[1:] == (4410, "You ended this session.")


async def test_a_server_that_stops(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        await greet(websocket)
        await broker.close()
        assert (await read_to_close(websocket))[1] == 1001
        assert (await client.fetch("/api/tokens", "POST", client.token, {"target": "fake"})).code == 503


async def test_a_viewer_that_talks_nonsense(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        await websocket.write_message(b"GET / HTTP/1.1\r\n", binary=True)
        assert (await read_to_close(websocket))[1] == 4400
        websocket = await start(client)
        await websocket.write_message("text")
        assert (await read_to_close(websocket))[1] == 4400


async def test_more_sessions_than_the_limit(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server, max_sessions=1)
        second = await client.issue("fake")
        first = await start(client)
        await greet(first)
        answer = await client.fetch("/api/tokens", "POST", client.token, {"target": "fake"})
        assert answer.code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        _, code, reason = await read_to_close(await client.connect(second["token"]))
        assert (code, "1 viewers" in reason) == (4429, True)
        first.close()


async def test_a_token_redeemed_a_thousand_times_at_once_opens_one_session(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        token = (await client.issue("fake"))["token"]
        answers = await asyncio.gather(*(client.connect(token) for _ in range(1000)), return_exceptions=True)
        opened = [answer for answer in answers if not isinstance(answer, Exception)]
        assert {getattr(answer, "code", None) for answer in answers if isinstance(answer, Exception)} == {403}
        assert len(opened) == 1
        opened[0].close()


async def refusal(client, token, headers=None, **more):
    """What a refused websocket is told."""
    with pytest.raises(HTTPClientError) as caught:
        await client.connect(token, headers, **more)
    return caught.value.code, caught.value.response.body


async def test_refusals_of_tokens_say_nothing_more(client, broker, monkeypatch):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        spent = (await client.issue("fake"))["token"]
        (await client.connect(spent)).close()
        mine = (await client.issue("fake"))["token"]
        answers = [
            await refusal(client, spent),
            await refusal(client, secrets.token_urlsafe(32)),
            await refusal(client, "garbled%00"),
            await refusal(client, mine, {**client.token, "X-User": "bob"}),
            await refusal(client, "", subprotocols=["binary"]),
        ]
        assert {code for code, _ in answers} == {403}
        assert len(set(answers)) == 1
        moved = await client.issue("fake")
        add_target(broker, server, allow_users=["nobody"])
        assert await refusal(client, moved["token"]) == answers[0]
        add_target(broker, server)
        (await client.connect(mine)).close()  # the stranger's attempt has not consumed it
        await until(lambda: len(broker.registry) == 0)


async def test_an_upgrade_that_would_fail_spends_no_token(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        token = (await client.issue("fake"))["token"]
        plain = {**client.token, "Sec-WebSocket-Protocol": f"binary, vnc.token.{token}"}
        assert (await client.fetch("/ws", headers=plain)).code == 400
        websocket = await client.connect(token)
        assert websocket.selected_subprotocol == "binary"
        websocket.close()


async def test_compression_that_is_offered_is_not_agreed_to(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        token = (await client.issue("fake"))["token"]
        websocket = await client.connect(token, compression_options={})
        assert "permessage-deflate" in websocket.request.headers["Sec-WebSocket-Extensions"]
        assert "Sec-WebSocket-Extensions" not in websocket.headers
        websocket.close()


async def test_what_happens_in_a_session_is_reported(client, broker, jp_serverapp, caplog):
    """To whoever listens to the server's events, in the process's metrics, and in the log."""
    caplog.set_level(logging.INFO)
    events = []

    async def listen(logger, schema_id, data):
        events.append(data)

    def counted(name, **labels):
        return REGISTRY.get_sample_value(f"jupyter_vnc_{name}", labels)

    names = [("sessions", {}), ("sessions_ended_total", {"code": "1000"}), ("bytes_total", {"direction": "in"})]
    before = [counted(name, **labels) for name, labels in names]
    jp_serverapp.event_logger.add_listener(schema_id=SESSION_EVENT, listener=listen)
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        websocket = await start(client)
        await greet(websocket)
        (session,) = broker.registry
        await until(lambda: events)
        assert [(event["action"], event["session"], event["user"]) for event in events] == [
            ("opened", session.id, "ann")
        ]
        assert counted("sessions") == before[0] + 1
        await websocket.write_message(UPDATE_REQUEST, binary=True)
        await until(lambda: bytes(server.received) == UPDATE_REQUEST)
        websocket.close()
        await until(lambda: len(events) == 2)
    assert (events[1]["action"], events[1]["code"]) == ("closed", 1000)
    assert events[1]["bytes_in"] == len(UPDATE_REQUEST)
    assert [counted(name, **labels) for name, labels in names] == [before[0], before[1] + 1, before[2] + 10]
    lines = [line for line in caplog.messages if line.startswith(f"Session {session.id}: ann ")]
    assert lines[0] == f"Session {session.id}: ann opens fake (control)"
    assert re.search(
        r": ann left fake after \d+ s, 10 bytes in, \d+ bytes out, code 1000: The viewer left\.$", lines[1]
    )
    assert len(lines) == 2


async def test_what_our_modules_log_goes_where_jupyters_lines_go(broker):
    ours = logging.getLogger("jupyter_vnc.connect.connector")
    assert ours.parent.name == "jupyter_vnc"
    assert ours.parent.parent in {broker.parent.log, getattr(broker.parent.log, "logger", None)}
