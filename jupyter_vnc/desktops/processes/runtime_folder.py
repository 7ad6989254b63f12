"""The runtime folder of one server: private, short enough for sockets, locked while somebody lives in it, swept after.

A server locks ``lock`` in its folder, and its supervisors hold the same lock: once it can be taken, nobody of that
server is left, whatever became of the process ids. The lock file names the machine's boot, because locks of network
file systems may not reach other machines: a folder of another boot is left alone for a day after its last sign of life.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import stat
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import MAX_SOCKET_PATH

from .leftovers import remove_display, remove_folder, remove_orphaned
from .procfs import kill_marked

PREFIX: Final = "jupyter-vnc-"
LOCK: Final = "lock"
SOCKET: Final = "rfb.sock"
AUTHORITY: Final = "Xauthority"
SERVER_RECORD: Final = "xserver"

#: Longest path of an X server's socket (bytes): a session makes sockets beside it whose names are longer
#: (``run/at-spi/bus_0``), and dbus-daemon wants some room of its own.
LONGEST_SOCKET: Final = MAX_SOCKET_PATH - 16

#: Seconds after its last sign of life that a folder of another machine may be removed.
FOREIGN_AGE: Final = 86400.0

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def places(jupyter_runtime_dir: str) -> list[Path]:
    """List where a runtime folder may be made, the best first: Jupyter's own place, the user's, everybody's."""
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    return [Path(jupyter_runtime_dir), *([Path(own)] if own.startswith("/") else []), Path(tempfile.gettempdir())]


def _boot() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


def _desktop_folder_name(user: str, name: str) -> str:
    """Return a short name that is the same for the same desktop, so that a kernel's XAUTHORITY outlives a restart."""
    return hashlib.sha256(f"{user}\0{name}".encode()).hexdigest()[:8]


class Runtime:
    """The runtime folder of this server; made by :meth:`open`, gone after :meth:`close`."""

    def __init__(self, candidates: Iterable[Path]) -> None:
        self._candidates = list(candidates)
        self._folder: Path | None = None
        self._finalizer: weakref.finalize[[Path, int], Runtime] | None = None
        self._opening = threading.Lock()
        self.lock = -1

    def open(self) -> Path:
        """Make the folder, at the first place that can hold our sockets, and return it.

        Raises:
            DesktopFailed: there is no such place; the detail says why for each.
        """
        with self._opening:  # desktops that start at the same time do this in several threads
            if self._folder is None or not self._folder.is_dir():
                self.close()
                self._folder, self.lock = self._make_somewhere()
                self._finalizer = weakref.finalize(self, _forget, self._folder, os.getpid())
            return self._folder

    def _make_somewhere(self) -> tuple[Path, int]:
        reasons = []
        for place in self._candidates:
            try:
                return _make(place)
            except OSError as error:
                reasons.append(f"{place}: {error.strerror or error}")
        raise DesktopFailed(
            "The server cannot make a private folder for the desktop's socket: "
            "its runtime folder is full, not writable or has too long a path.",
            detail="; ".join(reasons),
        )

    def desktop_folder(self, user: str, name: str) -> Path:
        """Make the private folder of one desktop, empty but for a cookie that programs know already; return it.

        Raises:
            DesktopFailed: it cannot be made.
        """
        folder = self.open() / _desktop_folder_name(user, name)
        try:
            for old in folder.iterdir() if folder.exists() else ():
                if old.is_dir() and not old.is_symlink():
                    remove_folder(old)
                elif old.name != AUTHORITY:
                    old.unlink()
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DesktopFailed(
                f"The folder of the desktop's socket cannot be made: {error.strerror}.", detail=str(error)
            ) from error
        return folder

    def touch(self) -> None:
        """Leave a sign of life for other machines that see the same folder."""
        if self.lock >= 0:
            with suppress(OSError):
                os.utime(self.lock)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self.lock >= 0:
            os.close(self.lock)
        self._folder, self.lock = None, -1
        if self._finalizer is not None:
            self._finalizer.detach()

    def sweep(self) -> int:
        """Remove what servers that are gone left behind, processes first; return how many folders."""
        return sum(_sweep(folder) for place in self._candidates for folder in _ours(place) if folder != self._folder)


def _make(place: Path) -> tuple[Path, int]:
    """Make a locked folder, and prove that a socket can listen in it.

    Raises:
        OSError: it is not possible here.
    """
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    try:
        _try_socket(folder / _desktop_folder_name("", "") / SOCKET)
        return folder, _lock(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _forget(folder: Path, owner: int) -> None:
    """Nobody closed it: remove it, unless desktops still end in it; the last supervisor then does."""
    if os.getpid() == owner:  # and no child that we forked
        remove_orphaned(folder)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # a sweeper may hold it for a moment
        os.write(descriptor, _boot().encode())
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _try_socket(path: Path) -> None:
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise OSError(f"a socket's path there has over {LONGEST_SOCKET} bytes")
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    shutil.rmtree(path.parent)


def _ours(place: Path) -> Iterator[Path]:
    """Yield folders of servers, made by us; a link, or somebody else's folder of that name, is none."""
    with suppress(OSError):
        for entry in place.iterdir():
            if entry.name.startswith(PREFIX):
                with suppress(OSError):
                    found = entry.lstat()
                    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
                        yield entry


def _sweep(folder: Path) -> bool:
    """Remove a folder and the processes of its desktops, if nobody lives there."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        foreign = os.read(descriptor, 64).decode("ascii", "replace") != _boot()
        if foreign and time.time() - os.fstat(descriptor).st_mtime < FOREIGN_AGE:
            return False
        _remove_left(folder)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _remove_left(folder: Path) -> None:
    """Kill what belongs to the desktops of a folder, and remove what they left on disk."""
    kill_marked(str(folder))
    for desktop in folder.iterdir():
        if desktop.is_dir():
            _remove_recorded_display(desktop / SERVER_RECORD)
            remove_folder(desktop)
    (folder / LOCK).unlink()
    folder.rmdir()


def record_server(folder: Path, display: int, pid: int) -> None:
    """Write down which X server a desktop has, for whoever has to sweep."""
    (folder / SERVER_RECORD).write_text(f"{display} {pid}")


def _remove_recorded_display(record: Path) -> None:
    with suppress(OSError, ValueError):
        display, pid = map(int, record.read_text().split())
        remove_display(display, pid)
