"""The real thing: what moves on a TigerVNC, captured and encoded by pixelflux."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.video import messages, video
from jupyter_vnc.desktops.video.damage import Damage
from jupyter_vnc.desktops.video.messages import Kind
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.model.targets import State

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]

#: A terminal that scrolls while a file is there, and rests otherwise.
SCROLLS = "while :; do if [ -e {} ]; then seq 300; else sleep 0.05; fi; done"


@contextlib.asynccontextmanager
async def desktop(tmp_path, geometry="640x480"):
    """A desktop that moves while the file which is yielded with its manager is there."""
    go, manager = tmp_path / "go", DesktopManager()
    terminal = ("xterm", "-geometry", "200x100+0+0", "-e", "sh", "-c", SCROLLS.format(go))
    try:
        await manager.ensure("ann", "desktop", DesktopSpec(terminal, geometry))
        yield manager, go
    finally:
        go.unlink(missing_ok=True)
        await manager.close()


async def eventually(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not (value := condition()):
            await asyncio.sleep(0.02)
        return value


def tree_of(manager):
    return manager._entries["ann", "desktop"].desktop._tree


def pid_of(manager, name=video.NAME):
    return tree_of(manager)._started[name].result()


async def next_of(reader, kind):
    """The next message of a kind."""
    async with asyncio.timeout(60):
        while message := await messages.read(reader):
            if message[0] == kind:
                return message
    raise EOFError


async def rest_of(reader):
    """Read until nothing has come for half a second, and it is said to rest."""
    moves, message = True, asyncio.create_task(messages.read(reader))
    async with asyncio.timeout(60):
        while (await asyncio.wait([message], timeout=0.5))[0] or moves:
            if message.done():
                assert message.result()
                moves = moves if message.result()[0] != Kind.MOTION else bool(message.result()[1])
                message = asyncio.create_task(messages.read(reader))
    message.cancel()


async def test_pictures_come_while_it_moves_and_none_at_rest(tmp_path):
    async with desktop(tmp_path) as (manager, go):
        assert manager.has_video(DesktopSpec())
        reader, writer = await manager.watch("ann", "desktop")
        go.touch()
        assert (await next_of(reader, Kind.MOTION))[1] == 1
        first = await next_of(reader, Kind.PICTURE)
        assert messages.begins(first)
        assert first[2:6] == bytes((2, 128, 1, 224))
        later = await next_of(reader, Kind.PICTURE)
        assert len(later) < messages.LONGEST
        # Whoever joins gets a key frame from the same capture.
        other, second = await manager.watch("ann", "desktop")
        assert messages.begins(await next_of(other, Kind.PICTURE))
        second.close()
        go.unlink()
        await rest_of(reader)
        writer.close()


async def test_a_killed_streamer_is_started_again_and_the_desktop_goes_on(tmp_path):
    async with desktop(tmp_path) as (manager, go):
        reader, writer = await manager.watch("ann", "desktop")
        go.touch()
        await next_of(reader, Kind.PICTURE)
        os.kill(pid_of(manager), signal.SIGKILL)
        with pytest.raises(EOFError):
            await next_of(reader, 99)
        writer.close()
        await eventually(tree_of(manager).exited(video.NAME).done)
        reader, writer = await manager.watch("ann", "desktop")
        assert messages.begins(await next_of(reader, Kind.PICTURE))
        assert manager.state("ann", "desktop") is State.UP
        writer.close()


async def test_it_ends_with_a_killed_x_server_at_once(tmp_path):
    async with desktop(tmp_path) as (manager, go):
        reader, writer = await manager.watch("ann", "desktop")
        go.touch()
        await next_of(reader, Kind.PICTURE)
        os.kill(pid_of(manager, "server"), signal.SIGKILL)
        with pytest.raises(EOFError):
            await next_of(reader, 99)
        writer.close()


async def test_what_has_changed_is_told_by_the_x_server(tmp_path):
    async with desktop(tmp_path) as (manager, go):
        environ = manager.environment("ann", "desktop")
        damage = Damage.open(int(environ["DISPLAY"][1:]), Path(environ["XAUTHORITY"]))
        try:
            assert damage.size == (640, 480)
            go.touch()
            async with asyncio.timeout(60):
                while await asyncio.to_thread(damage.next) < 0.3:
                    pass
        finally:
            damage.close()


async def test_without_the_extra_or_where_a_target_does_not_want_it_there_is_none(monkeypatch):
    manager = DesktopManager()
    assert not manager.has_video(DesktopSpec(video=False))
    monkeypatch.setattr(video, "LIBRARY", "no_such_library")
    assert not manager.has_video(DesktopSpec())
    await manager.close()


def test_why_the_library_cannot_be_loaded(tmp_path, monkeypatch):
    assert video.trouble() == ""
    (tmp_path / "broken.py").write_text("raise ImportError('libgbm.so.1: no such file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(video, "LIBRARY", "broken")
    assert video.trouble() == "ImportError: libgbm.so.1: no such file"
