"""How the sound of a desktop is kept, with programs of the test's own: what is started when, and what ends it."""

import asyncio
import contextlib
import logging

import pytest

from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.desktops.sound import pulseaudio, sound
from jupyter_vnc.desktops.sound.sound import STREAMER, Sound
from jupyter_vnc.exceptions import DesktopFailed


class Programs:
    """What sound knows of a tree: programs by name, of which a test says when they listen and end."""

    def __init__(self):
        self.started, self.exits = [], {}

    async def run(self, name, command, environ, *, last):
        self.started.append(name)
        self.exits[name] = asyncio.get_running_loop().create_future()

    def exited(self, name):
        return self.exits[name]

    def log(self, name):
        return "its last words"

    def end(self, name):
        """A program of this name ends; as in a tree, it is the newest whose end that is taken for."""
        if not self.exits[name].done():
            self.exits[name].set_result(Exit(0))


async def until(true):
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """A sound server that is installed, and starts again at once."""
    monkeypatch.setattr(sound, "STARTS", (0.0, 0.0))
    monkeypatch.setattr(pulseaudio, "program", lambda: "/usr/bin/pulseaudio")
    monkeypatch.setattr(pulseaudio, "LIBRARY", "json")


@contextlib.asynccontextmanager
async def kept(folder):
    """The sound of a desktop that runs."""
    one, tree = Sound(logging.getLogger("test")), Programs()
    one.prepare(folder, wanted=True)
    one.start(tree, {})
    yield one, tree
    one.stop()


@contextlib.asynccontextmanager
async def listening(path):
    """A streamer that listens on a socket."""
    server = await asyncio.start_unix_server(lambda _, writer: writer.close(), path)
    yield
    server.close()
    path.unlink(missing_ok=True)


async def test_a_streamer_is_not_judged_by_the_end_of_the_one_before(tmp_path):
    """Which listens no more, and still runs."""
    socket = tmp_path / STREAMER
    async with kept(tmp_path) as (one, tree):
        asking = asyncio.create_task(one.listen())
        await until(lambda: STREAMER in tree.started)
        async with listening(socket):
            (await asking)[1].close()
        asking = asyncio.create_task(one.listen())
        await asyncio.wait([asking], timeout=0.2)
        assert tree.started.count(STREAMER) == 1
        tree.end(STREAMER)
        await until(lambda: tree.started.count(STREAMER) == 2)
        async with listening(socket):
            (await asking)[1].close()


async def test_a_streamer_that_starts_is_waited_for(tmp_path):
    """Also if whoever wanted it has left meanwhile."""
    async with kept(tmp_path) as (one, tree):
        asking = asyncio.create_task(one.listen())
        await until(lambda: STREAMER in tree.started)
        asking.cancel()
        await asyncio.wait([asking])
        asking = asyncio.create_task(one.listen())
        await asyncio.wait([asking], timeout=0.2)
        async with listening(tmp_path / STREAMER):
            (await asking)[1].close()
        assert tree.started.count(STREAMER) == 1


async def test_nothing_is_started_once_the_sound_server_is_given_up(tmp_path, caplog):
    async with kept(tmp_path) as (one, tree):
        assert one.there
        for count in (1, 2):
            await until(lambda count=count: tree.started.count(pulseaudio.NAME) == count)
            tree.end(pulseaudio.NAME)
        await until(lambda: not one.there)
        with pytest.raises(DesktopFailed, match="no sound"):
            await one.listen()
        assert STREAMER not in tree.started
        assert "its server ended 2 times" in caplog.text


async def test_a_socket_that_goes_at_once_does_not_end_the_keeping(tmp_path, monkeypatch):
    async def listens(*_):
        return True

    monkeypatch.setattr(sound, "listens", listens)
    async with kept(tmp_path) as (one, tree):
        await until(lambda: pulseaudio.NAME in tree.started)
        tree.end(pulseaudio.NAME)
        await until(lambda: tree.started.count(pulseaudio.NAME) == 2)
        assert one.there


async def test_what_cannot_be_removed_is_told(tmp_path, caplog):
    (tmp_path / pulseaudio.NAME).mkdir()
    async with kept(tmp_path) as (one, _):
        await until(lambda: not one.there)
        assert "goes without sound" in caplog.text
