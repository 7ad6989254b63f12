"""Fixtures for desktops: a home and a runtime folder of their own, and a census around every test that starts one."""

import tempfile
from pathlib import Path

import pytest

from jupyter_vnc.desktops.processes.runtime_folder import Runtime
from tests.desktops import census
from tests.needs import require

PROGRAMS = ("Xtigervnc", "openbox", "xterm", "xclock", "xdpyinfo", "dbus-daemon")


@pytest.fixture(scope="session", autouse=True)
def orphans_are_ours():
    """So that the census sees what gets away, and nothing that others do on the machine."""
    census.adopt_orphans()


@pytest.fixture
def tmp_path():
    """A folder with a short name, as runtime directories are: sockets are made in it."""
    with tempfile.TemporaryDirectory(prefix="jvd-") as name:
        yield Path(name)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, and no trace of the session in which the tests run."""
    for name in ("XDG_RUNTIME_DIR", "DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "rt"))
    return folder


@pytest.fixture
def runtime_dir(home, tmp_path):
    folder = tmp_path / "rt"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def programs():
    """Real programs; where they are missing, CI fails."""
    require(*PROGRAMS)


@pytest.fixture
def nothing_left(programs, runtime_dir):
    """Compare the machine after the test with what it was before."""
    before = census.take(runtime_dir)
    yield before
    left = census.wait_until_gone(before, runtime_dir)
    assert left.empty, left


@pytest.fixture
def desktop_folder(tmp_path):
    """The folder of a desktop, in the runtime folder of a server."""
    runtime = Runtime([tmp_path / "jupyter-vnc"])
    yield runtime.desktop_folder("ann", "desktop")
    runtime.close()
