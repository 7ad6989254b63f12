"""Locks between processes: one holds it, the others are told by whom, and nothing is left when it is killed."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from jupyter_vnc.system.locks import FileLock, LockedError

HOLD = """
import sys
from pathlib import Path
from jupyter_vnc.system.locks import FileLock

FileLock(Path(sys.argv[1])).take()  # not even the lock's object is kept
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


@pytest.fixture
def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_has_it_until_it_is_killed(path, holder):
    with pytest.raises(LockedError, match=f"^process {holder.pid} on "):
        FileLock(path).take()
    holder.kill()
    holder.wait()
    lock = FileLock(path)
    lock.take()
    assert path.read_text().startswith(f"process {os.getpid()} on ")
    lock.release()


def test_a_lock_is_taken_again_after_its_release(path):
    lock = FileLock(path)
    for _ in range(2):
        lock.take()
        lock.release()
        lock.release()


def test_a_name_that_was_written_by_somebody_else_stays_in_its_line(path, holder):
    path.write_bytes(b"evil\x1b[2J\nroot" + b"x" * 4096)
    with pytest.raises(LockedError) as caught:
        FileLock(path).take()
    assert caught.value.holder.startswith(r"evil\x1b[2J\nroot")
    assert len(caught.value.holder) < 300


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_file_is_an_error_and_is_not_waited_for(path, make):
    make(path)
    with pytest.raises(OSError, match=r"regular|directory|symbolic"):
        FileLock(path).take()


def test_a_file_system_without_locks_is_an_error_of_its_own(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError) as caught:
        FileLock(path).take()
    assert caught.value.errno == errno.ENOLCK
