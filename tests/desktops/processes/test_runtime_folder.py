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

from jupyter_vnc.desktops.processes import runtime_folder as module
from jupyter_vnc.desktops.processes.procfs import MARKER_VARIABLE
from jupyter_vnc.desktops.processes.runtime_folder import LOCK, PREFIX, SERVER_RECORD, Runtime, places
from jupyter_vnc.exceptions import DesktopFailed


@pytest.fixture
def runtime(tmp_path):
    made = Runtime([tmp_path / "rt"])
    yield made
    made.close()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_places(monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setattr("tempfile.tempdir", "/somewhere")
    assert places("/jupyter/runtime") == [Path("/jupyter/runtime"), Path("/run/user/7"), Path("/somewhere")]
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert places("/jupyter/runtime") == [Path("/jupyter/runtime"), Path("/somewhere")]


def test_folders_are_private_and_gone_after_close(runtime, tmp_path):
    old = os.umask(0)
    try:
        folder = runtime.open()
        desktop = runtime.desktop_folder("ann", "desktop")
    finally:
        os.umask(old)
    assert mode(folder) == mode(desktop) == mode(tmp_path / "rt") == 0o700
    assert mode(folder / LOCK) == 0o600
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
    runtime = Runtime([long, tmp_path / "short"])
    assert runtime.open().parent == tmp_path / "short"
    assert list(long.iterdir()) == []
    runtime.close()


def test_no_place_at_all_is_one_sentence_and_the_log_has_the_reasons(tmp_path):
    (tmp_path / "file").write_text("")
    runtime = Runtime([tmp_path / "file", tmp_path / ("x" * 100)])
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
    runtime = Runtime([tmp_path / "no-space", tmp_path / "other"])
    assert runtime.open().parent == tmp_path / "other"
    runtime.close()
    with pytest.raises(DesktopFailed) as caught:
        Runtime([tmp_path / "no-space"]).open()
    assert "No space left on device" in caught.value.detail
    assert list((tmp_path / "no-space").iterdir()) == []


# -- the sweep ----------------------------------------------------------------------------------------------------


def abandon(place, *, boot=None):
    """A folder whose server is gone: nobody holds its lock."""
    folder = place / f"{PREFIX}gone"
    (folder / "desktop").mkdir(parents=True)
    (folder / LOCK).write_text(module._boot() if boot is None else boot)
    return folder


def test_a_live_server_is_never_swept(tmp_path):
    one, other = Runtime([tmp_path]), Runtime([tmp_path])
    folder = one.open()
    other.open()
    assert other.sweep() == 0
    assert one.sweep() == 0
    assert folder.is_dir()
    one.close()
    other.close()


def test_a_supervisor_keeps_the_folder_of_a_server_that_is_gone(tmp_path):
    one = Runtime([tmp_path])
    folder = one.open()
    heir = os.dup(one.lock)  # what a supervisor has
    os.close(one.lock)
    one.lock = -1
    assert Runtime([tmp_path]).sweep() == 0
    os.close(heir)
    assert Runtime([tmp_path]).sweep() == 1
    assert not folder.exists()


def test_what_a_killed_server_left_is_swept(tmp_path, monkeypatch):
    folder = abandon(tmp_path)
    removed = []
    monkeypatch.setattr(module, "remove_display", lambda display, pid: removed.append((display, pid)))
    (folder / "desktop" / SERVER_RECORD).write_text("107 4711")
    sleep = [sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(300)"]
    survivor = subprocess.Popen(
        sleep, env={MARKER_VARIABLE: f"{folder}/desktop"}, stdout=subprocess.PIPE, start_new_session=True
    )
    other = subprocess.Popen(sleep, env={MARKER_VARIABLE: f"{folder}-not/desktop"}, stdout=subprocess.PIPE)
    try:
        for process in (survivor, other):
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
        assert Runtime([tmp_path]).sweep() == 1
        assert survivor.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for process in (survivor, other):
            process.kill()
            process.communicate()
    assert not folder.exists()
    assert removed == [(107, 4711)]


def test_a_folder_of_another_machine_is_left_alone_for_a_day(tmp_path):
    folder = abandon(tmp_path, boot="another boot")
    assert Runtime([tmp_path]).sweep() == 0
    yesterday = time.time() - module.FOREIGN_AGE - 1
    os.utime(folder / LOCK, (yesterday, yesterday))
    assert Runtime([tmp_path]).sweep() == 1


def test_touch_is_a_sign_of_life(runtime):
    lock = runtime.open() / LOCK
    os.utime(lock, (0, 0))
    runtime.touch()
    assert time.time() - lock.stat().st_mtime < 3600
    runtime.close()
    runtime.touch()


def test_a_folder_without_a_lock_is_somebodys_who_just_begins(tmp_path):
    folder = tmp_path / f"{PREFIX}new"
    folder.mkdir()
    assert Runtime([tmp_path]).sweep() == 0
    assert folder.is_dir()


def test_sweep_follows_no_link_and_touches_nobody_elses_folder(tmp_path):
    target = tmp_path / "elsewhere"
    (target / "desktop").mkdir(parents=True)
    (target / LOCK).write_text(module._boot())
    (tmp_path / f"{PREFIX}link").symlink_to(target)
    (tmp_path / "other").mkdir()
    assert Runtime([tmp_path]).sweep() == 0
    assert (target / "desktop").is_dir()
    if os.getuid() == 0:
        foreign = abandon(tmp_path)
        os.chown(foreign, 65534, 65534)
        assert Runtime([tmp_path]).sweep() == 0
        assert foreign.is_dir()


def test_two_sweepers_do_not_meet(tmp_path):
    folder = abandon(tmp_path)
    with (folder / LOCK).open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert Runtime([tmp_path]).sweep() == 0
    assert Runtime([tmp_path]).sweep() == 1
    assert not folder.exists()


def test_a_place_that_is_not_there(tmp_path):
    assert Runtime([tmp_path / "missing"]).sweep() == 0
