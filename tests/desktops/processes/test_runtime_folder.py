"""The runtime folder: private, short enough, locked while in use, swept afterwards and only then."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyter_vnc.desktops.ownership import proofs
from jupyter_vnc.desktops.ownership.belongings import note_at
from jupyter_vnc.desktops.ownership.proofs import LOCK
from jupyter_vnc.desktops.processes import cleanup
from jupyter_vnc.desktops.processes import runtime_folder as module
from jupyter_vnc.desktops.processes.procfs import MARKER_VARIABLE
from jupyter_vnc.desktops.processes.runtime_folder import PARENT, Runtime, places
from jupyter_vnc.exceptions import DesktopFailed


@pytest.fixture
def runtime(tmp_path):
    made = Runtime([tmp_path / "rt" / PARENT])
    yield made
    made.close()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_places(monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setattr("tempfile.tempdir", "/somewhere")
    first, shared = Path("/jupyter/runtime/jupyter-vnc"), f"/somewhere/jupyter-vnc-{os.getuid()}"
    assert places("/jupyter/runtime") == [
        first,
        Path("/run/user/7/jupyter-vnc"),
        Path(shared),
        Path(f"{shared}-2"),
    ]
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert places("/jupyter/runtime") == [first, Path(shared), Path(f"{shared}-2")]


def test_folders_are_private_and_gone_after_close(runtime, tmp_path):
    old = os.umask(0)
    try:
        folder = runtime.open()
        desktop = runtime.desktop_folder("ann", "desktop")
    finally:
        os.umask(old)
    assert mode(folder) == mode(desktop) == mode(folder.parent) == mode(tmp_path / "rt") == 0o700
    assert mode(folder / LOCK) == mode(folder.parent / LOCK) == 0o600
    assert desktop.parent == folder == runtime.open()
    runtime.close()
    assert list((tmp_path / "rt").iterdir()) == []
    runtime.close()


def test_a_desktop_keeps_its_folder_and_finds_it_empty(runtime):
    first = runtime.desktop_folder("ann", "desktop")
    (first / "left").write_text("over")
    assert runtime.desktop_folder("ann", "desktop") == first
    assert list(first.iterdir()) == []
    assert runtime.desktop_folder("ann", "other") != first
    assert runtime.desktop_folder("bob", "desktop") != first


def test_a_folder_that_somebody_removed_is_made_again(runtime):
    folder = runtime.open()
    subprocess.run(["rm", "-r", folder], check=True)
    assert runtime.open() != folder
    assert runtime.open().is_dir()


def test_threads_share_one_folder(runtime):
    found = []
    threads = [threading.Thread(target=lambda: found.append(runtime.open())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_a_path_too_long_for_a_socket_falls_back(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    runtime = Runtime([long / PARENT, tmp_path / "short" / PARENT])
    assert runtime.open().parent == tmp_path / "short" / PARENT
    assert list(long.iterdir()) == []
    runtime.close()


def test_no_place_at_all_is_one_sentence_and_the_log_has_the_reasons(tmp_path):
    (tmp_path / "file").write_text("")
    runtime = Runtime([tmp_path / "file" / PARENT, tmp_path / ("x" * 100) / PARENT])
    with pytest.raises(DesktopFailed, match="cannot make a private folder") as caught:
        runtime.open()
    assert str(tmp_path) not in str(caught.value)
    assert "File exists" in caught.value.detail
    assert "over 91 bytes" in caught.value.detail


def test_a_full_disk_falls_back(tmp_path, monkeypatch):
    real = os.write

    def write(descriptor, data):
        if "/no-space/" in os.readlink(f"/proc/self/fd/{descriptor}"):  # noqa: PTH115
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(module.os, "write", write)
    runtime = Runtime([tmp_path / "no-space" / PARENT, tmp_path / "other" / PARENT])
    assert runtime.open().parent == tmp_path / "other" / PARENT
    runtime.close()
    with pytest.raises(DesktopFailed) as caught:
        Runtime([tmp_path / "no-space" / PARENT]).open()
    assert "No space left on device" in caught.value.detail
    assert list((tmp_path / "no-space").iterdir()) == []


# -- the sweep ----------------------------------------------------------------------------------------------------


def abandon(place, *, boot=None):
    """A folder whose server is gone: nobody holds its lock."""
    with pytest.MonkeyPatch.context() as patch:
        if boot is not None:
            patch.setattr(proofs, "boot", lambda: boot)
            patch.setattr("jupyter_vnc.desktops.ownership.belongings.boot", lambda: boot)
        runtime = Runtime([place / PARENT])
        desktop = runtime.desktop_folder("ann", "desktop")
    os.close(runtime.lock)
    runtime._finalizer.detach()
    return desktop.parent


def swept(place):
    return Runtime([place / PARENT]).sweep()


def test_a_live_server_is_never_swept(tmp_path):
    one, other = Runtime([tmp_path / PARENT]), Runtime([tmp_path / PARENT])
    folder = one.open()
    other.open()
    assert other.sweep() == 0
    assert one.sweep() == 0
    assert folder.is_dir()
    one.close()
    other.close()


def test_a_supervisor_keeps_the_folder_of_a_server_that_is_gone(tmp_path):
    one = Runtime([tmp_path / PARENT])
    folder = one.open()
    heir = os.dup(one.lock)  # what a supervisor has
    os.close(one.lock)
    one.lock = -1
    assert swept(tmp_path) == 0
    os.close(heir)
    assert swept(tmp_path) == 1
    assert not folder.exists()


def test_what_a_killed_server_left_is_swept(tmp_path, monkeypatch):
    folder = abandon(tmp_path)
    removed = []
    monkeypatch.setattr(cleanup, "_remove_display", lambda display, *of: removed.append((display, *of)))
    note_at(folder, display=107, pid=4711, desktop="d")
    note_at(folder, display=107, socket=12)
    sleep = [sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(300)"]
    survivor = subprocess.Popen(
        sleep, env={MARKER_VARIABLE: f"{folder}/desktop"}, stdout=subprocess.PIPE, start_new_session=True
    )
    other = subprocess.Popen(sleep, env={MARKER_VARIABLE: f"{folder}-not/desktop"}, stdout=subprocess.PIPE)
    try:
        for process in (survivor, other):
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
        assert swept(tmp_path) == 1
        assert survivor.wait(60) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for process in (survivor, other):
            process.kill()
            process.communicate()
    assert not folder.exists()
    assert removed == [(107, {4711}, {12})]


def test_a_folder_of_another_machine_is_left_alone_for_a_day(tmp_path):
    folder = abandon(tmp_path, boot="another boot")
    assert swept(tmp_path) == 0
    yesterday = time.time() - module.FOREIGN_AGE - 1
    os.utime(folder / LOCK, (yesterday, yesterday))
    assert swept(tmp_path) == 1


def test_touch_is_a_sign_of_life(runtime):
    lock = runtime.open() / LOCK
    os.utime(lock, (0, 0))
    runtime.touch()
    assert time.time() - lock.stat().st_mtime < 3600
    runtime.close()
    runtime.touch()


def test_two_sweepers_do_not_meet(tmp_path):
    folder = abandon(tmp_path)
    with (folder / LOCK).open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert swept(tmp_path) == 0
    assert swept(tmp_path) == 1
    assert not folder.exists()


def test_a_place_that_is_not_there(tmp_path):
    assert swept(tmp_path / "missing") == 0
