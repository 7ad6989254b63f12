"""The runtime folder of one server: private, short enough for sockets, locked while in use, swept afterwards.

A server locks ``lock`` in its folder, and its supervisors hold the same lock: once it can be taken, nobody of that
server is left, whatever became of the process ids. The lock file names the machine's boot, because locks of network
file systems may not reach other machines: a folder of another boot is left alone for a day after its last sign of life.

What proves that a folder is ours, and what is deleted in it, is up to :mod:`.belongings`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import socket
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.ownership.belongings import Belonging
from jupyter_vnc.desktops.ownership.parents import clear_parents, leave_parent, open_parent
from jupyter_vnc.desktops.ownership.proofs import boot
from jupyter_vnc.desktops.ownership.trust import check_parents
from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import MAX_SOCKET_PATH
from jupyter_vnc.system.logs import get_logger

from .cleanup import remove_orphaned, remove_server
from .procfs import kill_marked

log = get_logger(__name__)

PARENT: Final = "jupyter-vnc"
SOCKET: Final = "rfb.sock"
AUTHORITY: Final = "Xauthority"
#: Its name while no process of ours listens on the display.
HELD_AUTHORITY: Final = "Xauthority.held"

#: Longest path of an X server's socket (bytes): a session makes sockets beside it whose names are longer
#: (``run/at-spi/bus_0``), and dbus-daemon wants some room of its own.
LONGEST_SOCKET: Final = MAX_SOCKET_PATH - 16

#: Seconds after its last sign of life that a folder of another machine may be removed.
FOREIGN_AGE: Final = 86400.0


def places(jupyter_runtime_dir: str) -> list[Path]:
    """List where servers' folders may be made, the best first: in Jupyter's own place, the user's, everybody's.

    Everybody's has the user's number in its name, and a second name: the first may be somebody else's already.
    """
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    shared = Path(tempfile.gettempdir())
    return [
        Path(jupyter_runtime_dir, PARENT),
        *([Path(own, PARENT)] if own.startswith("/") else []),
        *(shared / f"{PARENT}-{os.getuid()}{suffix}" for suffix in ("", "-2")),
    ]


def _desktop_folder_name(user: str, name: str) -> str:
    """Return a short name that is the same for the same desktop, so that a kernel's XAUTHORITY outlives a restart."""
    return hashlib.sha256(f"{user}\0{name}".encode()).hexdigest()[:8]


class Runtime:
    """The runtime folder of this server; made by :meth:`open`, gone after :meth:`close`."""

    def __init__(self, candidates: Iterable[Path]) -> None:
        """Have ``candidates`` for the folder's parent, the best first."""
        self._candidates = list(candidates)
        self._folder: Path | None = None
        self._finalizer: weakref.finalize[[Path, int], Runtime] | None = None
        self._opening = threading.Lock()
        self.lock = -1

    def open(self) -> Path:
        """Make the folder, at the first place that can hold our sockets, and return it.

        Raises:
            DesktopFailed: there is no such place; the detail has the reason for each.
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
                reasons.append(f"{place}: {error.strerror}")
        raise DesktopFailed(
            "The server cannot make a private folder for the desktop's socket: "
            "its runtime folder is full, not writable, another account's or has too long a path.",
            detail="; ".join(reasons),
        )

    def desktop_folder(self, user: str, name: str) -> Path:
        """Make the private folder of one desktop, empty but for a cookie that programs know already; return it.

        Raises:
            DesktopFailed: it cannot be made.
        """
        folder = self.open() / _desktop_folder_name(user, name)
        try:
            with Belonging.open(folder.parent) as server:
                if folder.exists():
                    _tell_of(server.empty_folder(folder.name, keep=AUTHORITY))
                else:
                    server.make_folder(folder.name)
        except OSError as error:
            raise DesktopFailed(
                f"The folder of the desktop's socket cannot be made: {error.strerror}.", detail=str(error)
            ) from error
        return folder

    def touch(self) -> None:
        """Leave a sign of life: for other machines that see the same folder, and for programs that delete old files."""
        if self.lock >= 0 and self._folder is not None:
            with suppress(OSError):
                os.utime(self.lock)
            with suppress(OSError), Belonging.open(self._folder.parent) as parent:
                os.utime(parent.lock)

    def close(self) -> None:
        """Remove the folder with all that we have made in it."""
        if self._folder is not None:
            with suppress(OSError):
                _tell_of(remove_server(self._folder))
        if self.lock >= 0:
            os.close(self.lock)
        self._folder, self.lock = None, -1
        if self._finalizer is not None:
            self._finalizer.detach()

    def sweep(self) -> int:
        """Remove what servers that are gone left behind, processes first; return how many folders."""
        return sum(_sweep(folder) for place in self._candidates for folder in _found(place) if folder != self._folder)


def _make(place: Path) -> tuple[Path, int]:
    """Make a locked folder, and prove that a socket can listen in it.

    Raises:
        OSError: it is not possible here.
    """
    _check_length(place / _desktop_folder_name("", "") / _desktop_folder_name("", "") / SOCKET)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_parents(place.parent)
    with open_parent(place, make=True) as parent:
        name = secrets.token_hex(4)
        try:
            parent.note(folder=name)
            server = Belonging.make(name, parent.folder)
            with server:
                server.hold()
                lock = os.dup(server.lock)
        except OSError:
            leave_parent(parent, place)
            raise
        finally:
            parent.release()
    try:
        _try_socket(place / name)
    except OSError:
        with suppress(OSError):
            remove_server(place / name)
        os.close(lock)
        raise
    return place / name, lock


def _forget(folder: Path, owner: int) -> None:
    """Nobody closed it: remove it, unless desktops still end in it; the last supervisor then does."""
    if os.getpid() == owner:  # and no child that we forked
        remove_orphaned(folder)


def _check_length(path: Path) -> None:
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise OSError(errno.ENAMETOOLONG, f"a socket's path there has over {LONGEST_SOCKET} bytes")


def _try_socket(folder: Path) -> None:
    """Listen in a folder like a desktop's."""
    with Belonging.open(folder) as server, socket.socket(socket.AF_UNIX) as listener:
        name = _desktop_folder_name("", "")
        server.make_folder(name)
        listener.bind(str(folder / name / SOCKET))
        server.remove_folder(name)


def _tell_of(left: Iterable[str]) -> None:
    for path in left:
        log.warning("Left alone, because something is mounted there or it is not ours: %s", quote_remote(path))


# -- the sweep ----------------------------------------------------------------------------------------------------


def _found(place: Path) -> list[Path]:
    """List the folders of servers in a place; remove those whose makers were killed before they were any."""
    clear_parents(place)
    try:
        parent = open_parent(place, make=False)
    except OSError:
        return []
    with parent:
        try:
            return [place / name for name in parent.folders() if _is_whole(name, parent)]
        finally:
            leave_parent(parent, place)
            parent.release()


def _is_whole(name: str, parent: Belonging) -> bool:
    try:
        Belonging.open(name, parent.folder).close()
    except FileNotFoundError:
        return False
    except OSError:
        parent.remove_unfinished(name)
        return False
    return True


def _sweep(folder: Path) -> bool:
    """Remove a folder and the processes of its desktops, if no process uses it."""
    try:
        with Belonging.open(folder) as server:
            server.hold(patience=0.0)
            if server.boot != boot() and time.time() - os.fstat(server.lock).st_mtime < FOREIGN_AGE:
                return False
            kill_marked(str(folder))
            left = remove_server(folder)
            _tell_of(left)
            return not left
    except OSError:
        return False
