"""A trial of a real server says how far it got, and takes its picture."""

import asyncio
import zlib

import pytest

from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.gate import Gate
from jupyter_vnc.connect.thumbnail import _Canvas
from jupyter_vnc.connect.trial import STEPS, try_target
from jupyter_vnc.exceptions import StoreUnavailable
from tests.integration import real
from tests.needs import require


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    require("Xtigervnc")
    with real.tigervnc(tmp_path_factory.mktemp("vnc"), password="s3cret-9") as started:
        started.run("xsetroot", "-solid", "#3070b0")
        yield started


def pixels(png):
    """The first pixel of a PNG without filters."""
    data, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        data += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    return zlib.decompress(data)[1:4]


async def attempt(**keys):
    target = parse_target("lab", keys)
    return await try_target(target, target.address, Connector())


async def test_a_server_that_works_shows_each_step_and_its_picture(server):
    trial = await attempt(**server.keys())
    assert trial.error is None
    assert tuple(step.name for step in trial.steps) == STEPS
    assert all(step.seconds >= 0 and step.result for step in trial.steps if step.name != "connection")
    assert pixels(trial.picture.png) == bytes((0x30, 0x70, 0xB0))


async def test_each_failure_is_at_its_step(server):
    keys = server.keys() | {"password": "wrong"}
    keys.pop("password_file", None)
    assert (await attempt(**keys)).steps[-1].name == "login"
    assert (await attempt(host="no-such-host.invalid")).steps[-1].name == "name"
    assert (await attempt(host="127.0.0.1", port=1)).steps[-1].name == "connection"

    async def speak(_reader, writer):
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        writer.close()

    listener = await asyncio.start_server(speak, "127.0.0.1", 0)
    trial = await attempt(host="127.0.0.1", port=listener.sockets[0].getsockname()[1])
    assert trial.steps[-1].name == "version"
    assert "does not speak" in str(trial.error)
    listener.close()


async def test_a_database_that_is_away_says_nothing_about_the_target():
    class Away(Gate):
        async def check(self, key):
            raise StoreUnavailable

    connector, target = Connector(), parse_target("lab", {"host": "127.0.0.1", "port": 1})
    connector.gate = Away()
    with pytest.raises(StoreUnavailable):
        await try_target(target, target.address, connector)


def test_a_large_desktop_becomes_a_small_picture():
    canvas = _Canvas(2000, 1500)
    assert (canvas.every, canvas.width, canvas.height) == (4, 500, 375)
    for y in range(0, 1500, 7):  # in strips that fit no step
        rows = min(7, 1500 - y)
        canvas.draw(3, y, 1997, rows, b"".join(bytes((y + row & 255, 2, 3, 0)) * 1997 for row in range(rows)))
    assert canvas.pixels[0:3] == b"\0\0\0", "nothing was drawn there"
    for row in (0, 1, 374):
        assert canvas.pixels[3 * (500 * row + 1) : 3 * (500 * row + 2)] == bytes((3, 2, 4 * row & 255))
