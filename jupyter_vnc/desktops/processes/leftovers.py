"""The files that a desktop's processes leave behind, and how they are removed.

The supervisor uses it, so it imports the standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_X_SOCKETS: Final = Path("/tmp/.X11-unix")  # noqa: S108 - where X servers have to listen

_ICE_SOCKETS: Final = Path("/tmp/.ICE-unix")  # noqa: S108 - where session managers listen

_HELPER_TIMEOUT: Final = 5.0


def x_socket(display: int) -> Path:
    """Return where the X server of a display listens."""
    return _X_SOCKETS / f"X{display}"


def lock_file(display: int) -> Path:
    """Return the file that says which process has a display."""
    return Path(f"/tmp/.X{display}-lock")  # noqa: S108 - where X servers have to lock


def display_holder(display: int) -> int:
    """Return the process id of the X server that has a display number: 0 if nobody has, -1 if it cannot be told."""
    try:
        return int(lock_file(display).read_text())
    except FileNotFoundError:
        return -1 if x_socket(display).exists() else 0
    except (OSError, ValueError):
        return -1


def remove_display(display: int, server: int) -> None:
    """Remove the lock and the socket that an X server left behind; only if the lock is that server's."""
    if display_holder(display) == server:
        for left in (x_socket(display), lock_file(display)):
            with suppress(OSError):
                left.unlink()


def _mounts_below(folder: Path) -> list[str]:
    """List what is mounted below a folder: file system helpers like to mount in the runtime folder."""
    with suppress(OSError):
        points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        return [point for point in points if point.startswith(f"{folder}/")]
    return []


def remove_folder(folder: Path) -> None:
    """Remove a desktop's folder, unless something is mounted in it that does not go away."""
    if mounts := _mounts_below(folder):
        for point in reversed(mounts):
            if helper := shutil.which("fusermount3") or shutil.which("fusermount"):
                subprocess.run([helper, "-uz", point], check=False, timeout=_HELPER_TIMEOUT)  # noqa: S603
        if _mounts_below(folder):
            return
    shutil.rmtree(folder, ignore_errors=True)


def remove_session_sockets(pids: Iterable[int]) -> None:
    """Remove the sockets that session managers among these processes left behind."""
    for pid in pids:
        with suppress(OSError):
            socket = _ICE_SOCKETS / str(pid)
            if socket.lstat().st_uid == os.getuid():
                socket.unlink()


def remove_orphaned(runtime: Path) -> None:
    """Remove the folder of a server that is gone, once the last desktop's folder in it is."""
    with suppress(OSError):
        if {entry.name for entry in runtime.iterdir()} <= {"lock"}:
            (runtime / "lock").unlink(missing_ok=True)
            runtime.rmdir()
