"""The name that a parent folder has for the moment in which it is made or removed, written down in a file beside it.

A folder cannot be made together with its proof, so a server that is killed in between would leave one that cannot
be told from a user's own. The file names the folder in question; it comes into being with its content (``O_TMPFILE``),
names its own inode, so that a copy says nothing, and is locked as long as its writer lives.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from .proofs import LOCK, MADE_BY, path_of
from .removal import FOLDER, entries

_LONGEST: Final = 1 << 14


@contextmanager
def interim(name: str, within: int) -> Iterator[str]:
    """Have another name for a folder that is made or removed.

    Raises:
        OSError: it cannot be written down.
    """
    other = f"{name}.{secrets.token_hex(4)}"
    file = _write(other, within)
    try:
        yield other
    finally:
        with suppress(OSError):
            os.unlink(f"{other}.{LOCK}", dir_fd=within)
        os.close(file)


def _write(other: str, within: int) -> int:
    """Write it, and return its descriptor, locked."""
    place = path_of(within)
    try:
        file = os.open(place, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        linked = False
    except OSError:  # not every file system can do that: there it is made empty, and is so for a moment
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(f"{other}.{LOCK}", flags, 0o600, dir_fd=within)
        linked = True
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.write(file, _content(other, within, file))
        if not linked:
            source = f"/proc/self/fd/{file}"
            os.link(source, f"{other}.{LOCK}", dst_dir_fd=within, follow_symlinks=True)
    except OSError:
        if linked:
            os.unlink(f"{other}.{LOCK}", dir_fd=within)
        os.close(file)
        raise
    return file


def _content(other: str, within: int, file: int) -> bytes:
    said = {"made by": MADE_BY, "on its way": f"{path_of(within).removesuffix('/')}/{other}"}
    return json.dumps({**said, "lock": os.fstat(file).st_ino}).encode() + b"\n"


def clear_interim(name: str, within: int) -> None:
    """Remove what a process left that was killed while it made or removed a folder of this name."""
    for entry in entries(within):
        if re.fullmatch(rf"{re.escape(name)}\.[0-9a-f]{{8}}\.{LOCK}", entry):
            with suppress(OSError):
                _clear(entry, within)


def _clear(entry: str, within: int) -> None:
    found = os.stat(entry, dir_fd=within, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
        return
    file = os.open(entry, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=within)
    try:
        other = entry.removesuffix(f".{LOCK}")
        if os.pread(file, _LONGEST, 0) != _content(other, within, file):
            return
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):
            _remove(other, within)
        os.unlink(entry, dir_fd=within)
    finally:
        os.close(file)


def _remove(other: str, within: int) -> None:
    """Remove a folder that was on its way: nothing is in it but a lock file, which may be half written."""
    folder = os.open(other, FOLDER, dir_fd=within)
    try:
        if entries(folder) == [LOCK] and stat.S_ISREG(os.stat(LOCK, dir_fd=folder, follow_symlinks=False).st_mode):
            os.unlink(LOCK, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(other, dir_fd=within)
