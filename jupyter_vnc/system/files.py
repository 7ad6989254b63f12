"""Files that are read whole: regular ones only, up to a size, and without waiting for a writer.

A path of the configuration may lead to anything: a FIFO that nobody writes to, a device that never ends, a file of
gigabytes. None of them may stop a server. It imports the standard library only, since desktops' helpers use it too.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

#: The account that says who is in a group.
ROOT: Final = 0
#: Names of what may be in the place of a file.
_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NoRegularFileError(OSError):
    """Something else is in the file's place; ``strerror`` names it."""

    def __init__(self, path: Path | str, mode: int) -> None:
        kind = next((name for test, name in _KINDS if test(mode)), "something else")
        super().__init__(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, f"is {kind}, not a file", str(path))


class FileTooLargeError(OSError):
    """The file is larger than its reader accepts; ``strerror`` has the limit."""

    def __init__(self, path: Path | str, limit: int) -> None:
        super().__init__(errno.EFBIG, f"has more than {limit} bytes", str(path))


@contextmanager
def open_regular(path: Path | str) -> Iterator[IO[bytes]]:
    """Open a regular file to read it; its type is checked before it is opened, and again on the open file.

    Raises:
        NoRegularFileError: it is none.
        OSError: it cannot be opened.
    """
    check_regular(path)
    # Should a FIFO come into its place at this moment, opening does not wait for whoever would write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise NoRegularFileError(path, mode)
        yield file


def is_open_to_others(status: os.stat_result) -> bool:
    """Return whether a file's mode lets somebody read or change it who is not meant to know a secret.

    A file of root's may be readable by its group, as PostgreSQL has it for the keys of its server: root has said who is
    in that group. Kubernetes mounts a Secret this way into a pod with ``fsGroup``. Where this process is root itself,
    and for everybody else's files, the owner is the only one.
    """
    by_group = stat.S_IRGRP if status.st_uid == ROOT != os.geteuid() else 0
    return bool(status.st_mode & 0o077 & ~by_group)


def check_regular(path: Path | str, limit: int | None = None) -> None:
    """Prove that a file which another library will read is one, and not larger than ``limit`` bytes.

    Raises:
        NoRegularFileError: it is none.
        FileTooLargeError: it is larger.
        OSError: it is not there, or cannot be looked at.
    """
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise NoRegularFileError(path, status.st_mode)
    if limit is not None and status.st_size > limit:
        raise FileTooLargeError(path, limit)


def read_regular_file(path: Path | str, limit: int) -> bytes:
    """Return what a regular file holds, ``limit`` bytes at most. Blocks as long as its file system does.

    Raises:
        NoRegularFileError: it is none.
        FileTooLargeError: it is larger.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        data = read_from(file, limit + 1)
    if len(data) > limit:
        raise FileTooLargeError(path, limit)
    return data


def read_from(file: IO[bytes], most: int) -> bytes:
    """Read an unbuffered file to its end, or ``most`` bytes of it; files in ``/proc`` come in pieces."""
    data = bytearray()
    while len(data) < most and (piece := file.read(min(most - len(data), 1 << 20))):
        data += piece
    return bytes(data)


def read_tail(path: Path | str, most: int) -> bytes:
    """Return the last bytes of a regular file, however large it is.

    Raises:
        NoRegularFileError: it is none.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - most))
        return read_from(file, most)


def read_text(path: Path | str, limit: int, *, errors: str = "strict") -> str:
    """Return a regular file as UTF-8.

    Raises:
        UnicodeDecodeError: it is not UTF-8, unless ``errors`` handles that.
        NoRegularFileError, FileTooLargeError, OSError: see :func:`read_regular_file`.
    """
    return read_regular_file(path, limit).decode("utf-8", errors)
