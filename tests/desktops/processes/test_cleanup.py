"""What is made outside the runtime folder, in places that all programs share: written down first, removed by that."""

import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.desktops.ownership.belongings import Belonging, note_at
from jupyter_vnc.desktops.processes import cleanup
from jupyter_vnc.desktops.processes import procfs as processes
from jupyter_vnc.desktops.processes.procfs import descendants, lock_file, may_have_made, x_socket
from jupyter_vnc.desktops.processes.runtime_folder import Runtime
from tests.desktops import census

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder in which X servers and session managers have their locks and sockets, for this test alone."""
    place = tmp_path / "shared"
    place.mkdir()
    for module in (cleanup, processes):
        monkeypatch.setattr(module, "lock_file", lambda display: place / f"lock{display}")
        monkeypatch.setattr(module, "x_socket", lambda display: place / f"X{display}")
        monkeypatch.setattr(module, "unfinished_lock", lambda display: place / f"t{display}")
    monkeypatch.setattr(trust, "ICE_SOCKETS", place)
    return place


@pytest.fixture
def server(tmp_path):
    runtime = Runtime([tmp_path / "jupyter-vnc"])
    yield runtime.open()
    runtime.close()


@pytest.fixture
def dead():
    """The id of a process that was."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def stale(path):
    """A socket on which nobody listens; return its inode."""
    listen(path).close()
    return path.stat().st_ino


def sweep(server):
    with Belonging.open(server) as owned:
        cleanup.remove_listed(owned)


def left(shared):
    return {entry.name for entry in shared.iterdir()}


def test_a_display_of_the_dead_goes(shared, server, dead):
    note_at(server, display=107, pid=dead)
    note_at(server, display=108, pid=dead)
    (shared / "lock107").write_text(f"{dead:>10}\n")
    stale(shared / "X107")
    (shared / "t107").write_text(f"{dead:>10}\n")
    (shared / "lock108").write_text("")  # whose maker was killed before it wrote
    (shared / "t108").write_text("")
    sweep(server)
    assert left(shared) == set()


def test_the_socket_of_a_display_that_waited_goes(shared, server, dead):
    """Its lock is gone already: it had made way."""
    note_at(server, display=107, pid=dead)
    note_at(server, display=107, socket=stale(shared / "X107"))
    sweep(server)
    assert left(shared) == set()


@pytest.mark.parametrize("lock", ["4\n", "who?", "1" * 40, "{other}\n", "-{dead}\n"])
def test_a_lock_of_another_stays_with_its_socket(shared, server, dead, lock):
    inode = stale(shared / "X107")
    note_at(server, display=107, pid=dead)
    note_at(server, display=107, socket=inode)
    (shared / "lock107").write_text(lock.format(other=os.getpid(), dead=dead))
    sweep(server)
    assert left(shared) == {"X107", "lock107"}


def test_a_live_process_keeps_its_display(shared, server):
    """Its id may be one that we had written down for another process, long ago."""
    note_at(server, display=107, pid=os.getpid())
    (shared / "lock107").write_text(f"{os.getpid()}\n")
    stale(shared / "X107")
    sweep(server)
    assert left(shared) == {"X107", "lock107"}
    os.utime(shared / "lock107", (5e8, 5e8))  # it was not there yet
    sweep(server)
    assert left(shared) == set()


def test_what_is_not_written_down_stays(shared, server, dead):
    (shared / "lock107").write_text(f"{dead}\n")
    stale(shared / "X107")
    stale(shared / str(dead))
    note_at(server, display=108, pid=dead)
    note_at(server, display=107, socket=7)
    note_at(server, display=10**4000 // 10**3990, pid=dead)
    note_at(server, display="107", pid=dead)
    note_at(server, display=-107, pid=dead)
    note_at(server, display=107, pid=str(dead))
    sweep(server)
    assert left(shared) == {"lock107", "X107", str(dead)}


def test_a_socket_of_another_stays(shared, server, dead):
    note_at(server, display=107, pid=dead)
    note_at(server, display=107, socket=1)
    stale(shared / "X107")
    sweep(server)
    assert left(shared) == {"X107"}


def test_a_socket_on_which_somebody_listens_stays(shared, server, dead):
    """Inodes are given again, too."""
    with listen(shared / "X107"), listen(shared / str(dead)):
        note_at(server, display=107, pid=dead)
        note_at(server, display=107, socket=(shared / "X107").stat().st_ino)
        note_at(server, session=dead)
        sweep(server)
        assert left(shared) == {"X107", str(dead)}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "file"])
def test_other_things_in_their_places_stay(shared, server, dead, tmp_path, kind):
    mine = tmp_path / "mine"
    mine.write_text(f"{dead}\n")
    for name in ("lock107", "X107", "t107", str(dead)):
        path = shared / name
        match kind:
            case "link":
                path.symlink_to(mine)
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "file":
                path.write_text("mine")
    note_at(server, display=107, pid=dead)
    note_at(server, display=107, socket=(shared / "X107").lstat().st_ino)
    note_at(server, session=dead)
    sweep(server)
    assert left(shared) == {"lock107", "X107", "t107", str(dead)}
    assert mine.exists()


def test_a_session_managers_socket_goes(shared, server, dead):
    note_at(server, session=dead)
    stale(shared / str(dead))
    sweep(server)
    assert left(shared) == set()


def test_processes_that_are_killed_take_their_session_sockets_along(shared):
    """Those of a supervisor that was killed, and of a server that left some behind."""
    script = (
        "import os, socket, sys; one = socket.socket(socket.AF_UNIX); one.bind(f'{sys.argv[1]}/{os.getpid()}');"
        "one.listen(); print(flush=True); sys.stdin.read()"
    )
    environ = {processes.MARKER_VARIABLE: "/some/desktop"}
    with subprocess.Popen(
        [sys.executable, "-S", "-c", script, str(shared)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        assert left(shared) == {str(process.pid)}
        processes.kill_marked("/some/desktop")
    assert process.returncode == -signal.SIGKILL
    assert left(shared) == set()


def test_a_process_is_older_than_what_it_made(tmp_path, dead):
    (tmp_path / "made").touch()
    assert may_have_made(os.getpid(), tmp_path / "made")
    assert not may_have_made(dead, tmp_path / "made")
    os.utime(tmp_path / "made", (5e8, 5e8))
    assert not may_have_made(os.getpid(), tmp_path / "made")
    assert not may_have_made(os.getpid(), tmp_path / "nothing")


# -- a display that waits, and whose owner is killed ----------------------------------------------------------------

HOLDER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from jupyter_vnc.desktops.x11.lazy_display import LazyDisplay
    from jupyter_vnc.desktops.readiness import free_displays
    from jupyter_vnc.desktops.processes.runtime_folder import Runtime

    async def main():
        runtime = Runtime([Path(sys.argv[1])])
        folder = runtime.desktop_folder("ann", "desktop")
        display = next(free_displays("leftovers"))
        bell = LazyDisplay(display, folder)
        if "makes way" in sys.argv:
            bell.make_way()
        print(display, flush=True)
        await asyncio.sleep(300)

    asyncio.run(main())
    """
)


@pytest.mark.parametrize("state", ["waits", "makes way"])
@pytest.mark.parametrize("alone", [True, False], ids=["server", "all"])
def test_a_display_that_waits_goes_with_its_server(nothing_left, runtime_dir, state, alone):
    """By its caretaker, or by the next server: also at the moment at which the X server is about to take it over."""
    parent = runtime_dir / "jupyter-vnc"
    command = [sys.executable, "-c", HOLDER, str(parent), state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        display = int(process.stdout.readline())
        assert stat.S_ISSOCK(x_socket(display).stat().st_mode)
        assert lock_file(display).exists() == (state == "waits")
        children = descendants(process.pid)
        assert len(children) == (state == "waits")
        for pid in [*children] * (not alone) + [process.pid]:
            os.kill(pid, signal.SIGKILL)
    if state == "makes way" or not alone:
        assert Runtime([parent]).sweep() == 1
    assert census.wait_until_gone(nothing_left, runtime_dir).empty
    assert not x_socket(display).exists()
    assert not parent.exists()
