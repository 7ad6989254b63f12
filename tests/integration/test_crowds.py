"""Many at once, and somebody hostile, over the whole path: every refusal is clean, and whoever may gets in.

TigerVNC runs with its default blacklist here, which locks out an address after five logins that came to nothing; to
it, all of us are one address.
"""

import asyncio
import struct

import pytest

from jupyter_vnc.connect import connector
from tests.fakes import vnc_server
from tests.integration import real
from tests.integration.real import BACKGROUND
from tests.integration.viewer import Viewer
from tests.rfb import viewer_says as say
from tests.rfb.scripts import NO_TUNNEL, V38, AppleServer, capabilities, key_on_wire, server_key, types, vencrypt

pytestmark = pytest.mark.real

PASSWORD = "k4narien"
CROWD, ABORTED = 40, 50
#: Of forty who come at once, the last ones wait for a turn; on a busy machine, for longer than the default (seconds).
PATIENT = {"connect_timeout": 90, "handshake_timeout": 90}


@pytest.fixture
def jp_server_config(jp_server_config):
    limits = {"tokens_per_user": 100, "tokens_per_minute": 0.0, "sessions_per_user": 0, "sessions_per_target": 0}
    jp_server_config["VNCBroker"] |= limits
    return jp_server_config


@pytest.fixture
def lock():
    """Check that TigerVNC never locked anybody out."""

    def check(desktop):
        log = (desktop.folder / "Xtigervnc.log").read_text()
        assert "Too many" not in log
        assert "blacklisted" not in log

    return check


@pytest.mark.parametrize("unix", [False, True])
async def test_forty_viewers_at_the_same_instant_all_see_the_desktop(unix, start, add_target, client, lock):
    desktop = start(real.tigervnc, unix=unix, password=PASSWORD)
    add_target("lab", desktop.keys() | PATIENT)
    tokens = [(await client.issue("lab"))["token"] for _ in range(CROWD)]
    everybody = await asyncio.gather(*map(client.connect, tokens))

    async def see(websocket):
        viewer = await Viewer(websocket).log_in()
        return await viewer.pixel(5, 5)

    try:
        assert await asyncio.gather(*map(see, everybody)) == [BACKGROUND] * CROWD
    finally:
        for websocket in everybody:
            websocket.close()
    lock(desktop)


async def after_a_version(viewer):
    await viewer._read(12)


async def after_a_choice(viewer):
    await viewer._read(12)
    await viewer.send(V38 + b"\1")


#: How far a page gets before somebody closes it; None is before its websocket.
ABORTS = [None, lambda viewer: asyncio.sleep(0), after_a_version, after_a_choice, Viewer.log_in]


@pytest.mark.parametrize("unix", [False, True])
async def test_after_fifty_aborted_page_loads_a_login_works(
    unix, start, add_target, client, look, broker, lock, monkeypatch
):
    # On a busy machine, a login that has begun may take longer than that, and TigerVNC counts the connection.
    monkeypatch.setattr(connector, "SEE_THROUGH", 60)
    desktop = start(real.tigervnc, unix=unix, password=PASSWORD)
    add_target("lab", desktop.keys() | PATIENT)

    async def load(number):
        token = (await client.issue("lab"))["token"]
        if step := ABORTS[number % len(ABORTS)]:
            websocket = await client.connect(token)
            await step(Viewer(websocket))
            if number % 2:
                websocket.protocol.stream.close()  # as when a machine goes away
            websocket.close()

    for start_at in range(0, ABORTED, 10):
        await asyncio.gather(*map(load, range(start_at, start_at + 10)))
    async with look("lab") as viewer:
        assert await viewer.pixel(5, 5) == BACKGROUND
    lock(desktop)


async def test_a_wrong_password_is_told_from_the_pause_after_it(start, add_target, client, look, lock):
    desktop = start(real.tigervnc, password=PASSWORD)
    wrong = desktop.folder / "wrong.passwd"
    wrong.write_text("not this\n")
    wrong.chmod(0o600)
    async with real.tapping(desktop) as tap:
        keys = {"host": tap.address.host, "port": tap.address.port}
        add_target("lab", keys | {"password_file": str(wrong)})
        tokens = [(await client.issue("lab"))["token"] for _ in range(6)]
        told = [await Viewer(await client.connect(token)).until_closed() for token in tokens]
        assert {code for code, _ in told} == {4503}
        for _, sentence in told[:3]:
            assert "refused the login that is configured for it: Authentication fail" in sentence
        for _, sentence in told[3:]:
            assert "refused the configured credentials several times" in sentence
            assert "administrator" in sentence
        assert tap.connections == 3
        # TigerVNC refused the password each time, and not the number of connections.
        assert bytes(tap.from_server).count(V38) == 3
    lock(desktop)
    add_target("right", desktop.keys())
    async with look("right") as viewer:
        assert await viewer.pixel(5, 5) == BACKGROUND


KEY = key_on_wire(server_key().public_key())


def ra2(bits, size=0):
    """An RSA key of this many bits, in its head at least."""
    return V38 + types(129) + struct.pack(">I", bits) + b"\xff" * (2 * size)


#: What a server says, and what the viewer is told of it: close code and a part of the sentence.
HOSTILE = {
    "a reason of 4 GiB": (V38 + b"\0" + b"\xff\xff\xff\xff" + b"x" * 100_000, 4502, "turns connections away"),
    "a reason of 4 GiB in RFB 3.3": (b"RFB 003.003\n" + bytes(4) + b"\xff" * 4 + b"x" * 100_000, 4502, "turns"),
    "a DH modulus of zero": (
        V38 + types(30) + AppleServer.hello(modulus=0),
        4504,
        "cannot be used to encrypt a password",
    ),
    "an even DH modulus": (V38 + types(30) + AppleServer.hello(modulus=1 << 1023), 4504, "cannot be used to encrypt"),
    "a DH key of zero": (V38 + types(30) + AppleServer.hello(public=0), 4504, "cannot be used to encrypt"),
    "a DH modulus of no bytes": (V38 + types(30) + struct.pack(">HH", 2, 0), 4504, "impossible size"),
    "a DH modulus of 64 KiB": (
        V38 + types(30) + struct.pack(">HH", 2, 0xFFFF) + bytes(1 << 17),
        4504,
        "impossible size",
    ),
    "an RSA key of no bits": (ra2(0), 4504, "impossible size"),
    "an RSA key of 512 bits": (ra2(512, 64), 4504, "impossible size"),
    "an RSA key of 16 Ki bits": (ra2(16384, 2048), 4504, "impossible size"),
    "an RSA key of 4 Gi bits": (ra2(0xFFFFFFFF, 4096), 4504, "impossible size"),
    "an even RSA key": (
        V38 + types(129) + KEY[:4] + b"\xff" * 127 + b"\0" + KEY[132:],
        4504,
        "cannot be used for encryption",
    ),
    "255 security types": (V38 + types(*[36] * 255), 4504, "Apple SRP (36)"),
    "255 sub-types": (V38 + types(19) + vencrypt(*range(1000, 1255)), 4504, "and 249 more"),
    "4 Gi tunnels": (V38 + types(16) + b"\xff" * 4, 4504, "too many capabilities"),
    "4 Gi logins": (V38 + types(16) + capabilities(NO_TUNNEL) + b"\xff" * 4, 4504, "too many capabilities"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_server_is_refused_cleanly(what, client, add_target, logged):
    words, code, sentence = HOSTILE[what]
    async with vnc_server.talking(words) as server:
        login = {"username": "alice", "password": "secret"} if types(2) not in words else {}
        add_target("lab", {"host": "127.0.0.1", "port": server.address.port, **login})
        told = await Viewer(await client.connect((await client.issue("lab"))["token"])).until_closed()
        await server.until(lambda: server.open == 0)
    assert (told[0], sentence in told[1]) == (code, True), told
    assert b"secret" not in server.received
    assert "Traceback" not in logged()
    assert max(map(len, logged().splitlines())) < 1000


async def test_a_server_that_means_its_four_gigabytes_is_not_read_on(client, add_target):
    async with vnc_server.huge_reason() as server:
        add_target("lab", {"host": "127.0.0.1", "port": server.address.port})
        code, sentence = await Viewer(await client.connect((await client.issue("lab"))["token"])).until_closed()
        await server.until(lambda: server.open == 0)
    assert (code, "turns connections away" in sentence) == (4502, True)
    # What the sockets' buffers of both sides hold, and no more.
    assert server.sent < 32 << 20


@pytest.mark.parametrize("mode", ["control", "view"])
@pytest.mark.parametrize("count", [65, 0xFFFF])
async def test_a_viewer_with_too_many_encodings_ends_its_own_session_only(mode, count, start, add_target, look):
    desktop = start(real.tigervnc)
    add_target("lab", desktop.keys())
    async with look("lab") as witness, look("lab", mode=mode) as hostile:
        await hostile.pixel(5, 5)
        await hostile.send(say.encodings(*range(count))[: 64 * 1024])
        code, sentence = await hostile.until_closed()
        assert (code, "too long a message" in sentence) == (4400, True), sentence
        assert await witness.pixel(5, 5) == BACKGROUND
