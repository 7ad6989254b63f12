"""Processes found in ``/proc``, and the files that they leave in places which all programs share.

The supervisor uses it, so it imports the standard library only.

What is here is for one user's own processes on Linux; those that cannot be read belong to other users.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.system import peers

#: The variable in the environment of a desktop's programs that names their desktop.
MARKER_VARIABLE: Final = "JUPYTER_VNC_DESKTOP"

#: Longest lock file of an X server that is read (bytes): a process id of ten characters, and a line's end.
_LOCK_SIZE: Final = 64
_KILL_PATIENCE: Final = 5.0
_KILL_PAUSE: Final = 0.01
#: Largest process id that Linux gives (``PID_MAX_LIMIT``, ``proc(5)``).
_LAST_PID: Final = 1 << 22
#: Seconds after which nobody is still writing a lock.
_WRITING: Final = 10.0
#: Seconds by which the start of a process, counted from the machine's, may differ from the clock of files.
_CLOCK_ERROR: Final = 2.0


def _parents() -> dict[int, int]:
    """Map every live process to its parent; zombies are not alive."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                if state not in "ZX":
                    found[int(entry.name)] = int(parent)
    return found


def descendants(root: int) -> set[int]:
    """Return the live processes below one."""
    parents = _parents()
    found: set[int] = set()
    border = {root}
    while border:
        border = {pid for pid, parent in parents.items() if parent in border} - found
        found |= border
    return found


def name_of(pid: int) -> str:
    """Return the name of a process as the kernel has it, 15 characters at most; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def marked(marker: str) -> Iterator[int]:
    """Yield our own processes whose environment has the marker, or one that starts with it and a slash."""
    needle = os.fsencode(f"\0{MARKER_VARIABLE}={marker}")  # a path, which need not be UTF-8
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            environment = b"\0" + (entry / "environ").read_bytes() + b"\0"
            if needle + b"\0" in environment or needle + b"/" in environment:
                yield int(entry.name)


def kill(pids: Iterable[int], number: int) -> None:
    """Send a signal to each; those that are gone, or are another user's by now, are skipped."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_marked(marker: str) -> None:
    """Kill our processes of a marker, and those that they start meanwhile; give up on what hangs in the kernel.

    What they have as sockets of session managers goes with them.
    """
    deadline = time.monotonic() + _KILL_PATIENCE
    killed: set[int] = set()
    while (left := set(marked(marker))) and time.monotonic() < deadline:
        kill(left, signal.SIGKILL)
        killed |= left
        time.sleep(_KILL_PAUSE)
    remove_session_sockets(killed)


def x_socket(display: int) -> Path:
    """Return where the X server of a display listens."""
    return trust.X_SOCKETS / f"X{display}"


def lock_file(display: int) -> Path:
    """Return the file that says which process has a display."""
    return Path(f"/tmp/.X{display}-lock")  # noqa: S108 - where X servers have to lock


def unfinished_lock(display: int) -> Path:
    """Return the file that an X server writes before it has its lock."""
    return Path(f"/tmp/.tX{display}-lock")  # noqa: S108 - where X servers have to lock


def display_holder(display: int) -> int:
    """Return the process id of the X server that has a display number: 0 if there is none, -1 if it is not known."""
    try:
        return int(_read_lock(lock_file(display)))
    except FileNotFoundError:
        return -1 if x_socket(display).exists() else 0
    except (OSError, ValueError):
        return -1


def is_free(display: int) -> bool:
    """Whether an X server of ours could have a display, whose socket it would replace.

    That is so if nobody has locked it, and the socket there is our own account's, with nobody behind it but ourselves:
    an X server that picks a number by itself (``-displayfd``) has no lock.
    """
    path = x_socket(display)
    try:
        if os.path.lexists(lock_file(display)) or path.lstat().st_uid != os.geteuid():
            return False
        return listener_of(path) in {0, os.getpid()}
    except FileNotFoundError:
        return True
    except OSError:
        return False


def is_left_over(display: int) -> bool:
    """Whether a display is taken by nothing but what an X server of our account left behind when it was killed.

    The lock is stale as X servers judge it: the process that it names does not exist. Since several containers may
    share the folder, and not see each other's processes, nobody may listen on the socket either.
    """
    lock, path = lock_file(display), x_socket(display)
    try:
        if not (os.path.lexists(lock) or os.path.lexists(path)):
            return False
        return _is_stale(lock) and _is_deserted(path)
    except (OSError, ValueError):
        return False


def _is_stale(lock: Path) -> bool:
    """Whether a lock is our account's and its process is gone, or there is none.

    An old lock may also name a process that began later, which after a restart of a container is likely, or, after the
    disk was full, none.
    """
    try:
        found = lock.lstat()
    except FileNotFoundError:
        return True
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        return False
    pid = _process_in(_read_lock(lock))
    if pid and _is_gone(pid):
        return True
    return time.time() - found.st_mtime > _WRITING and not (pid and may_have_made(pid, lock))


def _process_in(text: bytes) -> int:
    """Return the process id in a lock file; 0 if what is there cannot be one."""
    try:
        pid = int(text)
    except ValueError:
        return 0
    return pid if 0 < pid <= _LAST_PID else 0


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it is another account's
        pass
    return False


def _is_deserted(path: Path) -> bool:
    """Whether a socket is our account's and nobody listens on it, or there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid() and not listens(path)


def take_back(display: int) -> bool:
    """Remove what is left over of a display that we are about to use, as X servers do; return whether it is free.

    The caller holds the display's name (:class:`.trust.Claim`), so that no other server of ours does the same.
    """
    if trust.is_trusted(trust.X_SOCKETS) and is_left_over(display):
        with suppress(OSError):
            x_socket(display).unlink(missing_ok=True)
            lock_file(display).unlink(missing_ok=True)
    return is_free(display)


def _read_lock(path: Path) -> bytes:
    """Read a lock file that anybody may have made: a link, a pipe or an endless file is none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _LOCK_SIZE) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)


def remove_display(display: int, server: int) -> None:
    """Remove the lock and the socket that an X server left behind; only if the lock is that server's, and ours."""
    with suppress(OSError):
        if display_holder(display) == server and lock_file(display).lstat().st_uid == os.geteuid():
            if trust.is_trusted(trust.X_SOCKETS) and not listens(x_socket(display)):
                x_socket(display).unlink(missing_ok=True)
            lock_file(display).unlink()


def listens(path: Path) -> bool:
    """Whether somebody listens on a Unix socket; what cannot be told counts as somebody."""
    return listener_of(path) != 0


def listener_of(path: Path) -> int:
    """Return the process that listens on a Unix socket: 0 if none does, -1 if it cannot be told which."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
            return peers.unix_pid(probe)
        except (ConnectionRefusedError, FileNotFoundError):
            return 0
        except OSError:
            return -1


def may_have_made(pid: int, path: Path) -> bool:
    """Whether a process is alive that was there when a file was written: process ids are reused."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return fields[0] not in "ZX" and time.time() - age <= path.lstat().st_mtime + _CLOCK_ERROR
    return False


def remove_session_sockets(pids: Iterable[int]) -> list[int]:
    """Remove the sockets that session managers among these processes left behind; return whose."""
    removed: list[int] = []
    if not trust.is_trusted(trust.ICE_SOCKETS):
        return removed
    for pid in pids:
        with suppress(OSError):
            path = session_socket(pid)
            found = path.lstat()
            if stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid() and not listens(path):
                path.unlink()
                removed.append(pid)
    return removed


def session_socket(pid: int) -> Path:
    """Return where a session manager listens."""
    return trust.ICE_SOCKETS / str(pid)
