"""The folder in which servers of one user have theirs: made by the first of them, removed by the last.

It is locked while a server's folder is made or removed in it. See :mod:`.belongings` for what it is.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from .belongings import Belonging
from .proofs import LOCK, NotOurs, is_there, unmake
from .temporary_names import clear_interim, interim

#: How often a parent is made that others remove at the same moment.
_ATTEMPTS: Final = 20
#: How often we look again at one that is not ours, after a pause (seconds).
_DOUBTS: Final = 3
_PAUSE: Final = 0.005


def open_parent(path: Path, *, make: bool) -> Belonging:
    """Open the folder in which servers have theirs, and lock it.

    Args:
        path: where.
        make: make it if it is not there.

    Raises:
        NotOurs: something else is there.
        FileNotFoundError: nothing is there, and ``make`` is off.
        OSError: it cannot be made, or stays locked.
    """
    within = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for attempt in range(_ATTEMPTS):
            try:
                parent = Belonging.open(path.name, within)
            except FileNotFoundError:
                if not make:
                    raise
                _make_parent(path.name, within)
                continue
            except NotOurs:  # or ours, whose proof another process was just removing
                if attempt >= _DOUBTS:
                    raise
                time.sleep(_PAUSE)
                continue
            if _hold(parent, path.name, within):
                return parent
    finally:
        os.close(within)
    raise OSError(errno.EBUSY, "others remove it all the time")


def _hold(parent: Belonging, name: str, within: int) -> bool:
    """Lock it; whether it is still there then. If not, or if that fails, it is closed.

    Raises:
        OSError: it stays locked.
    """
    try:
        parent.hold()
        if parent.is_at(name, within):
            return True
    except OSError:
        parent.close()
        raise
    parent.close()
    return False


def _make_parent(name: str, within: int) -> None:
    """Make it under another name first, so that nobody ever sees it without its proof."""
    with interim(name, within) as other:
        parent = Belonging.make(other, within, called=name)
        try:
            if is_there(name, within):  # even an empty folder, in the place of which ours could come
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            os.rename(other, name, src_dir_fd=within, dst_dir_fd=within)
        except OSError:
            unmake(other, within, parent.folder, parent.lock)
            if not is_there(name, within):
                raise
        else:
            parent.close()


def leave_parent(parent: Belonging, path: Path) -> None:
    """Remove the parent, which is locked, if nothing is in it any more."""
    with suppress(OSError):
        within = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if parent.is_empty() and parent.is_at(path.name, within):
                with interim(path.name, within) as other:
                    os.rename(path.name, other, src_dir_fd=within, dst_dir_fd=within)
                    os.unlink(LOCK, dir_fd=parent.folder)
                    os.rmdir(other, dir_fd=within)
        finally:
            os.close(within)


def clear_parents(path: Path) -> None:
    """Remove what is left of parents whose makers or removers were killed."""
    with suppress(OSError):
        within = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            clear_interim(path.name, within)
        finally:
            os.close(within)
