"""The whole path with real VNC servers: from a token over the websocket to pixels, keys and clipboard."""

import asyncio
import base64
import json
from pathlib import Path

import pytest

from tests.integration import real
from tests.integration.lamp import CLICK, KEY, READY
from tests.integration.real import BACKGROUND, LAMP_HAND, LAMP_POINT
from tests.integration.viewer import Viewer
from tests.test_auth import ROUTES

pytestmark = pytest.mark.real

PASSWORD = "k4narien"

SERVERS = {
    "TigerVNC on TCP": (real.tigervnc, {}),
    "TigerVNC on TCP with a password": (real.tigervnc, {"password": PASSWORD}),
    "TigerVNC on a Unix socket": (real.tigervnc, {"unix": True}),
    "TigerVNC on a Unix socket with a password": (real.tigervnc, {"unix": True, "password": PASSWORD}),
    "x11vnc": (real.x11vnc, {}),
    "x11vnc with a password": (real.x11vnc, {"password": PASSWORD}),
}


@pytest.mark.parametrize("server", SERVERS)
async def test_a_real_desktop_is_seen_and_used(server, start, add_target, look):
    kind, options = SERVERS[server]
    desktop = start(kind, **options)
    lamp = start.also(real.lighting(desktop))
    add_target("lab", desktop.keys())
    async with look("lab") as viewer:
        assert viewer.size == (640, 480)
        assert "a real desktop" in viewer.name
        assert await viewer.pixel(5, 5) == BACKGROUND
        await viewer.until_pixel(*LAMP_POINT, READY)
        await viewer.move(*LAMP_HAND)
        await viewer.key("g")
        await viewer.until_pixel(*LAMP_POINT, KEY)
        await viewer.click(*LAMP_HAND)
        await viewer.until_pixel(*LAMP_POINT, CLICK)
    assert lamp.events == ["key g", "click"]


async def test_a_viewer_in_view_mode_moves_nothing(start, add_target, look):
    desktop = start(real.tigervnc)
    lamp = start.also(real.lighting(desktop))
    add_target("lab", desktop.keys())
    async with look("lab", mode="view") as onlooker, look("lab") as user:
        await user.move(*LAMP_HAND)
        await onlooker.key("x")
        await onlooker.click(*LAMP_HAND)
        # What the onlooker sent has passed the guard once its picture is there: messages keep their order.
        await onlooker.until_pixel(*LAMP_POINT, READY)
        await user.key("g")
        await onlooker.until_pixel(*LAMP_POINT, KEY)
    assert lamp.events == ["key g"]


async def test_a_second_viewer_does_not_throw_out_the_first(start, add_target, look):
    add_target("lab", start(real.tigervnc).keys())
    async with look("lab") as first:
        async with look("lab") as second:
            assert await second.pixel(5, 5) == BACKGROUND
        assert await first.pixel(5, 5) == BACKGROUND


async def pasted(viewer, desktop, not_this):
    """What the desktop's programs paste, once it is something new."""
    for _ in range(100):
        await viewer.pixel(5, 5)
        # In a thread: the answer may be the viewer's to give.
        paste = await asyncio.to_thread(desktop.run, "xclip", "-selection", "clipboard", "-o", capture_output=True)
        if (text := paste.stdout.decode()) != not_this:
            return text
    return not_this


async def test_text_is_copied_both_ways(start, add_target, look):
    real.require("xclip")
    desktop = start(real.tigervnc)
    add_target("lab", desktop.keys())
    async with look("lab") as viewer:
        desktop.run("xclip", "-selection", "clipboard", "-i", input="Füße, 5 £".encode())
        assert await viewer.next_copied() == "Füße, 5 £"
        await viewer.copy("à la carte")
        assert await pasted(viewer, desktop, not_this="Füße, 5 £") == "à la carte"


async def test_eight_viewers_at_once_all_get_in(start, add_target, look):
    """TigerVNC alone would turn away some of eight that come together."""
    keys = start(real.tigervnc, password=PASSWORD).keys()
    add_target("lab", keys | {"connect_timeout": 90, "handshake_timeout": 90})  # a busy machine takes its time

    async def one():
        async with look("lab") as viewer:
            return await viewer.pixel(5, 5)

    assert await asyncio.gather(*(one() for _ in range(8))) == [BACKGROUND] * 8


async def test_a_wrong_password_is_tried_three_times_and_then_no_more(client, start, add_target, look):
    """TigerVNC locks everybody out after five."""
    desktop = start(real.tigervnc, password=PASSWORD)
    wrong = desktop.folder / "wrong.passwd"
    wrong.write_text("not this\n")
    wrong.chmod(0o600)
    async with real.tapping(desktop) as tap:
        host, port = tap.address.host, tap.address.port
        add_target("lab", {"host": host, "port": port, "password_file": str(wrong)})
        codes = []
        for _ in range(6):
            viewer = Viewer(await client.connect((await client.issue("lab"))["token"]))
            codes.append((await viewer.until_closed())[0])
        assert codes == [4503] * 6
        assert tap.connections == 3
    add_target("direct", desktop.keys())
    async with look("direct") as viewer:
        assert await viewer.pixel(5, 5) == BACKGROUND


@pytest.mark.parametrize("unix", [False, True])
async def test_a_server_that_is_killed(unix, client, start, add_target, look):
    desktop = start(real.tigervnc, unix=unix)
    add_target("lab", desktop.keys())
    async with look("lab") as viewer:
        await viewer.pixel(5, 5)
        desktop.kill()
        assert await viewer.until_closed() == (1000, "The desktop has ended the connection.")
    again = Viewer(await client.connect((await client.issue("lab"))["token"]))
    code, reason = await again.until_closed()
    assert code == 4502
    assert "refused the connection" in reason
    assert str(desktop.address) not in reason


def responses(tap):
    """Challenges and responses of VNC authentication (RFC 6143 section 7.2.2) in what went over the line."""
    to_server, from_server = bytes(tap.to_server), bytes(tap.from_server)
    assert to_server.startswith(b"RFB 003.008\n\x02")
    assert from_server.startswith(b"RFB 003.008\n\x01\x02")
    return from_server[14:30], to_server[13:29]


async def every_answer(client):
    """What a user gets from each route but the websocket, for this target and for one that is none: head and body."""
    told = []
    for path, verb in ROUTES:
        if path == "/ws" or verb == "HEAD":
            continue
        for name in ("lab-1", "nobody"):
            answer = await client.fetch(
                path.replace("lab-1", name), verb, client.token, {"target": name} if verb == "POST" else None
            )
            assert answer.code < 500 or answer.code == 502, (path, answer.code)
            told += [str(answer.headers).encode(), answer.body or b""]
    return told


async def each_ending(client, add_target, keys, desktop):
    """What the viewer is told when a login or a connection fails: the close code's sentence."""
    wrong = desktop.folder / "wrong.passwd"
    wrong.write_text("not this\n")
    wrong.chmod(0o600)
    told = []
    for more, code in (({"password_file": str(wrong)}, 4503), ({"tls": {"mode": "x509"}}, 4504)):
        add_target("lab-2", keys | more)
        viewer = Viewer(await client.connect((await client.issue("lab-2"))["token"]))
        ending = await viewer.until_closed()
        assert ending[0] == code
        told += [bytes(viewer.seen), ending[1].encode()]
    return told


def forms(secret):
    """A secret as it is, and as somebody might have written it."""
    return {secret, secret.hex().encode(), base64.b64encode(secret), repr(secret)[2:-1].encode(), secret[::-1]}


@pytest.mark.parametrize("unix", [False, True])
async def test_nothing_secret_reaches_browser_or_log(unix, client, start, add_target, look, logged, tmp_path):
    desktop = start(real.tigervnc, unix=unix, password=PASSWORD)
    host, path = "127.44.55.66", str(tmp_path / "cables.sock") if unix else ""
    async with real.tapping(desktop, host=host, path=path) as tap:
        if unix:
            Path(path).chmod(0o600)
        where = {"socket": path} if unix else {"host": host, "port": tap.address.port}
        keys = where | {"password_file": str(desktop.password_file)}
        add_target("lab-1", keys)
        told = [json.dumps(await client.issue("lab-1")).encode()]
        async with look("lab-1") as viewer:
            await viewer.pixel(5, 5)
            told += await every_answer(client)
        challenge, response = responses(tap)
        told += await each_ending(client, add_target, keys, desktop)
        told += [bytes(viewer.seen), logged().encode()]
    # The net is fine enough: what should be there was caught.
    assert any(b'data-target="lab-1"' in text for text in told)
    assert b"a real desktop" in told[-2]
    assert b"opens lab-1 (control)" in told[-1]
    assert b"Logged in to lab-1" in told[-1]
    assert len(challenge) == len(response) == 16
    secrets = {"password": PASSWORD.encode(), "challenge": challenge, "response": response}
    for what, secret in secrets.items():
        assert not [text for text in told for form in forms(secret) if form in text], what
    # The log is the admin's: there, and only there, the address of what went wrong may stand.
    places = [str(desktop.password_file), *([path] if unix else [host, f":{tap.address.port}"])]
    for place in places:
        assert not [text for text in told[:-1] if place.encode() in text], place
        lines = [line for line in told[-1].splitlines() if place.encode() in line]
        assert all(b"target lab-2" in line for line in lines), lines
