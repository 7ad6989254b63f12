"""What every program of a real desktop has of the server's environment: its X server, its helpers, its session."""

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.readiness import free_displays
from jupyter_vnc.desktops.session import which
from jupyter_vnc.desktops.x11.lazy_display import LazyDisplay
from jupyter_vnc.model.addresses import DesktopSpec
from tests.system.test_environment import SECRETS

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]

VALUE = "a secret of the server"


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    for name in (*SECRETS, "SITE_API_KEY"):
        monkeypatch.setenv(name, VALUE)


def environ_of(pid):
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_no_program_of_a_desktop_has_a_secret(tmp_path):
    manager = DesktopManager(secret_variables=["SITE_*"], variables={"LANG": "C.UTF-8"})
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    try:
        await manager.ensure("ann", "desktop", DesktopSpec(("xclock",), "320x240"))
        tree = manager._entries["ann", "desktop"].desktop._tree
        async with asyncio.timeout(20):
            while "fullscreen" not in tree._started:
                await asyncio.sleep(0.01)
            await tree._started["fullscreen"]
        (tmp_path / "file.txt").touch()
        if which("xdg-open"):
            await manager._entries["ann", "desktop"].desktop.run(["/bin/sleep", "60"], "/", 0.1)
        programs = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
        names = {child.name() for child in programs}
        assert {"Xtigervnc", "xclock", "dbus-daemon"} < names
        assert len(programs) >= 5  # and the supervisor, and what fits windows
        assert [child.name() for child in programs if VALUE.encode() in environ_of(child.pid)] == []
        (clock,) = [child for child in programs if child.name() == "xclock"]
        assert clock.environ()["LANG"] == "C.UTF-8"
        assert clock.environ()["PATH"] == os.environ["PATH"]
    finally:
        await manager.close()


async def test_nor_has_the_one_that_waits_with_a_display(desktop_folder):
    bell = LazyDisplay(next(free_displays("inheritance")), desktop_folder)
    try:
        assert VALUE.encode() not in environ_of(bell._caretaker.pid)
    finally:
        bell.close()
