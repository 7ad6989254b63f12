"""A display that is held until somebody opens a window on it."""

import asyncio
import os
import socket
import threading

import pytest

from jupyter_vnc.desktops.processes.procfs import display_holder, lock_file, x_socket
from jupyter_vnc.desktops.readiness import free_displays
from jupyter_vnc.desktops.x11 import lazy_display as module
from jupyter_vnc.desktops.x11.lazy_display import LazyDisplay

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def display():
    return next(free_displays("doorbell"))


@pytest.fixture
def folder(desktop_folder):
    return desktop_folder


def program(display):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(60)
    link.connect(str(x_socket(display)))
    return link


async def rung(bell):
    ringing = asyncio.get_running_loop().create_future()
    bell.listen(lambda: ringing.set_result(None))
    async with asyncio.timeout(60):
        await ringing


async def test_it_holds_the_display_until_it_makes_way(display, folder):
    bell = LazyDisplay(display, folder)
    assert display_holder(display) == os.getpid()
    assert x_socket(display).stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        LazyDisplay(display, folder)
    assert display_holder(display) == os.getpid()
    bell.make_way()
    bell.make_way()
    assert not lock_file(display).exists()
    with program(display) as late:
        bell.close()
        with pytest.raises(ConnectionResetError):
            late.recv(1)
    assert not x_socket(display).exists()
    assert folder.exists()


async def test_the_socket_of_the_x_server_stays(display, folder):
    bell = LazyDisplay(display, folder)
    bell.make_way()
    x_socket(display).unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(x_socket(display)))
        bell.close()
        assert x_socket(display).exists()
    x_socket(display).unlink()


async def test_it_may_hold_the_display_and_not_ring(display, folder):
    bell = LazyDisplay(display, folder, rings=False)
    assert display_holder(display) == os.getpid()
    assert not x_socket(display).exists()
    bell.make_way()
    assert display_holder(display) == 0
    bell.connect(display)
    bell.close()


async def test_waiting_programs_are_refused_when_no_server_comes(display, folder):
    bell = LazyDisplay(display, folder)
    with program(display) as one:
        await rung(bell)
        bell.close()
        assert one.recv(1) == b""


async def test_other_users_are_turned_away(display, folder, monkeypatch):
    bell = LazyDisplay(display, folder)
    bell.listen(lambda: pytest.fail("it rang"))
    monkeypatch.setattr(module.os, "getuid", lambda: 1)
    with program(display) as stranger:
        await asyncio.sleep(0.05)
        assert stranger.recv(1) == b""
    bell.close()


async def test_bytes_and_descriptors_of_waiting_programs_reach_the_server(display, folder, tmp_path):
    bell = LazyDisplay(display, folder)
    loop = asyncio.get_running_loop()
    with program(display) as first:
        await rung(bell)
        with program(display) as second:
            bell.make_way()
            x_socket(display).unlink()  # as X servers do
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(x_socket(display)))
                server.listen()
                bell.connect(display)
                ends = [server.accept()[0] for _ in range(2)]
            x_socket(display).unlink()
            first.sendall(b"one")
            shared = tmp_path / "shared"
            shared.write_text("what is shared")
            with shared.open("rb") as file:
                socket.send_fds(second, [b"two"], [file.fileno()])
            data, descriptors, _, _ = await loop.run_in_executor(None, socket.recv_fds, ends[1], 10, 4)
            assert (data, len(descriptors)) == (b"two", 1)
            with os.fdopen(descriptors[0], "rb") as file:
                assert file.read() == b"what is shared"
            assert ends[0].recv(10) == b"one"
            ends[0].sendall(bytes(300_000))
            ends[0].shutdown(socket.SHUT_WR)
            received = 0
            while piece := await loop.run_in_executor(None, first.recv, 1 << 16):
                received += len(piece)
            assert received == 300_000
            for end in ends:
                end.close()
    bell.close()
    for thread in threading.enumerate():
        if thread.name.startswith("vnc-x-"):
            await asyncio.to_thread(thread.join, 60)
            assert not thread.is_alive()


async def test_a_server_that_is_not_there_is_no_display(display, folder):
    bell = LazyDisplay(display, folder)
    with program(display) as one:
        await rung(bell)
        bell.make_way()
        x_socket(display).unlink()
        bell.connect(display)
        assert one.recv(1) == b""
    bell.close()
