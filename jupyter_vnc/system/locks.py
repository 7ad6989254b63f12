"""Locks between processes: a file that one process holds until it ends, and that names it to the others."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from pathlib import Path
from typing import Final

from jupyter_vnc.escaping import printable

#: As much of the holder's name is read (bytes).
_LONGEST_NAME: Final = 200


class LockedError(Exception):
    """Another process holds the lock; ``holder`` names it."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class FileLock:
    """An exclusive lock (``flock(2)``). The kernel releases it when the process ends, however it ends.

    The file stays: a lock on a file that is removed and made anew would be held twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock, and write into the file who has it. Blocks, but does not wait for another holder.

        Raises:
            LockedError: another process has it.
            OSError: the file cannot be opened or locked; ``ENOLCK`` and ``EOPNOTSUPP``: its file system has no locks.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "is not a regular file", str(self.path))  # noqa: TRY301
            self._lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            name = os.pread(descriptor, _LONGEST_NAME, 0).decode("utf-8", "replace").strip()
            raise LockedError(printable(name) or "another process") from None

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
