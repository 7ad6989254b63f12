"""What every program of a real desktop has of the server's environment: its X server, its helpers, its session."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.processes.procfs import descendants, name_of
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


def programs_since(before):
    """Name and environment of our new programs by process id; one that ends while it is looked at is left out."""
    found = {}
    for pid in descendants(os.getpid()) - before:
        with contextlib.suppress(OSError):
            found[pid] = name_of(pid), environ_of(pid)
    return {pid: about for pid, about in found.items() if all(about)}


async def test_no_program_of_a_desktop_has_a_secret(tmp_path):
    manager = DesktopManager(secret_variables=["SITE_*"], variables={"LANG": "C.UTF-8"})
    before = descendants(os.getpid())
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
        found = programs_since(before).values()
        assert {"Xtigervnc", "xclock", "dbus-daemon"} < {name for name, _ in found}
        assert len(found) >= 5  # and the supervisor, and what fits windows
        assert [name for name, environ in found if VALUE.encode() in environ] == []
        (clock,) = [environ for name, environ in found if name == "xclock"]
        assert {"LANG=C.UTF-8", f"PATH={os.environ['PATH']}"} <= set(os.fsdecode(clock).split("\0"))
    finally:
        await manager.close()


async def test_nor_has_the_one_that_waits_with_a_display(desktop_folder):
    bell = LazyDisplay(next(free_displays("inheritance")), desktop_folder)
    try:
        assert VALUE.encode() not in environ_of(bell._caretaker.pid)
    finally:
        bell.close()
