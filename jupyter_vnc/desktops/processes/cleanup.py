"""Clearing away what a desktop or a server has made, by the list of it; see :mod:`jupyter_vnc.desktops.ownership`.

The supervisor uses it, and the caretaker of a display is it, so it imports the standard library only.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.desktops.ownership.belongings import Belonging
from jupyter_vnc.desktops.ownership.parents import leave_parent, open_parent
from jupyter_vnc.desktops.ownership.proofs import LOCK, boot
from jupyter_vnc.desktops.ownership.removal import entries

from .procfs import listens, lock_file, may_have_made, remove_session_sockets, unfinished_lock, x_socket

#: Seconds that an owner which has closed its pipe may take to exit.
_PATIENCE: Final = 5.0
_PAUSE: Final = 0.01
_LAST_DISPLAY: Final = 65535
_PID: Final = re.compile(rb" *\d{1,10}\n?")
_LONGEST_PID: Final = 32


def remove_desktop(folder: Path) -> list[str]:
    """Remove the folder of a desktop, if it is in its server's list; return what had to stay, as paths."""
    with suppress(OSError), Belonging.open(folder.parent) as server:
        return [f"{folder.parent}/{left}" for left in server.remove_folder(folder.name)]
    return []


def remove_server(folder: Path) -> list[str]:
    """Remove the folder of a server with all that is in its list; return what had to stay, as paths.

    Raises:
        OSError: it is not ours, or its parent cannot be locked.
    """
    with Belonging.open(folder) as server:
        left = [path for name in server.folders() for path in server.remove_folder(name)]
        remove_listed(server)
        if not server.is_empty():
            return [f"{folder}/{path}" for path in left or set(entries(server.folder)) - {LOCK}]
        with open_parent(folder.parent, make=False) as parent:
            if server.is_at(folder.name, parent.folder):
                os.unlink(LOCK, dir_fd=server.folder)
                os.rmdir(folder.name, dir_fd=parent.folder)
            leave_parent(parent, folder.parent)
            parent.release()
    return []


def remove_orphaned(folder: Path) -> None:
    """Remove the folder of a server that is gone, once the last desktop's folder in it is."""
    with suppress(OSError):
        with Belonging.open(folder) as server:
            last = server.is_empty()
        if last:
            remove_server(folder)


def remove_listed(server: Belonging) -> None:
    """Remove what a server's list names in places that all programs share, if it is no longer used."""
    if server.boot != boot():  # another machine's, or gone with the boot
        return
    pids: dict[int, set[int]] = defaultdict(set)
    inodes: dict[int, set[int]] = defaultdict(set)
    sessions = set()
    for entry in server.notes():
        match entry:
            case {"display": int(display), "pid": int(pid)} if 0 <= display <= _LAST_DISPLAY:
                pids[display].add(pid)
            case {"display": int(display), "socket": int(inode)} if 0 <= display <= _LAST_DISPLAY:
                inodes[display].add(inode)
            case {"session": int(pid)}:
                sessions.add(pid)
    for display, holders in pids.items():
        _remove_display(display, holders, inodes[display])
    remove_session_sockets(sessions)


def _remove_display(display: int, pids: Iterable[int], inodes: Iterable[int]) -> None:
    """Remove lock and socket of a display, if they are of these processes, or the socket is one of these."""
    socket, lock = x_socket(display), lock_file(display)
    with suppress(OSError):
        if _is_of_the_dead(unfinished_lock(display), pids):
            unfinished_lock(display).unlink()
    with suppress(OSError):
        dead = _is_of_the_dead(lock, pids)
        if dead or not os.path.lexists(lock):
            _remove_socket(socket, inodes, whichever=dead)
        if dead:
            lock.unlink()


def _remove_socket(path: Path, inodes: Iterable[int], *, whichever: bool) -> None:
    """Remove a socket on which nobody listens: one of these, or, as its display was ours to the end, ``whichever``."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        ours = stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid() and trust.is_trusted(path.parent)
        if ours and (whichever or found.st_ino in inodes) and not listens(path):
            path.unlink()


def _is_of_the_dead(lock: Path, pids: Iterable[int]) -> bool:
    """Whether a lock file is of a process that is gone; one that is empty was being written when its maker died."""
    try:
        found = lock.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        return False
    with lock.open("rb") as file:
        said = file.read(_LONGEST_PID)
    holders = {int(said)} & set(pids) if _PID.fullmatch(said) else set() if said else set(pids)
    return bool(holders) and not any(may_have_made(pid, lock) for pid in holders)


def main(folder: str, owner: str) -> None:
    """Be the caretaker of a desktop that does not run, whose server ``owner`` is going: remove what was made for it."""
    deadline = time.monotonic() + _PATIENCE
    while may_have_made(int(owner), Path(folder)) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    with suppress(OSError), Belonging.open(Path(folder).parent) as server:
        server.remove_folder(Path(folder).name)
        remove_listed(server)
    remove_orphaned(Path(folder).parent)
