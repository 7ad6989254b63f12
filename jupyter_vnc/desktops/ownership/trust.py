"""Folders and names in which other accounts of the machine could put a socket of theirs in the place of ours.

X programs find their X server by a number alone: they connect to ``/tmp/.X11-unix/X<number>``, and show the cookie to
whoever listens there. libxcb before 1.16 tries the abstract socket of that name first, and where neither is there,
port 6000 + number of the loopback address. So the folder has to be one in which nobody else can change what is ours,
the abstract name is held by us, and there is no cookie to show while no process of ours listens.

The supervisor and the isolated programs of a desktop use this, so it imports the standard library and its like only.
"""

from __future__ import annotations

import os
import socket
import stat
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.system import peers

X_SOCKETS: Final = Path("/tmp/.X11-unix")  # noqa: S108 - where X servers have to listen
ICE_SOCKETS: Final = Path("/tmp/.ICE-unix")  # noqa: S108 - where session managers listen

_MODE: Final = 0o1777
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class UntrustedFolderError(OSError):
    """Another account can change a folder of sockets; the text names the folder and the remedy."""


def flaw(folder: Path) -> str:
    """Describe what is wrong with a folder of sockets, and the remedy; empty if only root and we can change it.

    Raises:
        FileNotFoundError: there is none.
    """
    parent = folder.parent
    if said := _flaw_of(parent.stat(), _OTHERS):
        return f"{parent} {said}. Run as root: {_remedy(parent)}"
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder} is a link or a file. Run as root: rm {folder}"
    if said := _flaw_of(found, _OTHERS):
        return f"{folder} {said}. Run as root: {_remedy(folder)}"
    return ""


def is_trusted(folder: Path) -> bool:
    """Whether a folder of sockets is there, and only root and we can change what is ours in it."""
    try:
        return not flaw(folder)
    except OSError:
        return False


def prepare(folder: Path) -> None:
    """Make a folder of sockets as it should be, if there is none, and prove that it can be trusted.

    Raises:
        UntrustedFolderError: it cannot; the text has the reason and the remedy.
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _open_to_all(folder)
    if said := flaw(folder):
        raise UntrustedFolderError(said)


def check_parents(place: Path) -> None:
    """Prove that no other account can put a folder of its own in the place of one of ours.

    A folder that its group can change is not refused: images of notebooks have such homes.

    Raises:
        UntrustedFolderError: one can; the text names the folder.
    """
    real = place.resolve()
    for folder in (*reversed(real.parents), real):
        if said := _flaw_of(folder.stat(), stat.S_IWOTH):
            raise UntrustedFolderError(f"{folder} {said}")


class Claim:
    """The abstract name of a display's socket, bound and not listened on: whoever connects is refused.

    Attributes:
        descriptor: holds the name, wherever it is open; closed with this object.

    Raises:
        OSError: another program has the name.
    """

    def __init__(self, display: int) -> None:
        """Take the name of a display."""
        with socket.socket(socket.AF_UNIX) as holder:
            holder.bind(f"\0{X_SOCKETS}/X{display}")
            self.descriptor = holder.detach()
        self.release = weakref.finalize(self, os.close, self.descriptor)


def _open_to_all(folder: Path) -> None:
    """Give a folder that we have just made its mode: on the open folder, in case it is another one by now."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, _MODE)
    finally:
        os.close(descriptor)


def _flaw_of(found: os.stat_result, others: int) -> str:
    if found.st_uid not in _owners():
        return f"belongs to another account (uid {found.st_uid})"
    if found.st_mode & others and not found.st_mode & stat.S_ISVTX:
        return "can be changed by others"
    return ""


def _owners() -> set[int]:
    """Root and we; where our user namespace has no root, the owner of the machine's own folders."""
    owners = {0, os.geteuid()}
    unmapped = peers.overflow_uid()
    return owners | {unmapped} if unmapped is not None and Path("/").stat().st_uid == unmapped else owners


def _remedy(folder: Path) -> str:
    return f"install -d -m 1777 -o root -g root {folder}"
