"""One process for each SQLite file: the first one holds a lock that ends with it, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from jupyter_vnc.exceptions import ConfigError


class FileLock:
    """A lock beside a file, in which the number of the process that holds it can be read. Blocks only on the disk.

    Raises:
        ConfigError: another process has it; names that process.
        OSError: the lock cannot be made.
    """

    def __init__(self, file: Path) -> None:
        real = file.resolve()  # a link to the same file has the same lock
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(real.with_name(f"{real.name}.lock"), flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise ConfigError(
                f"{file} is in use by another process of the service (pid {holder}). SQLite serves one process; stop "
                "the other one, or use PostgreSQL",
                key="VNCHub.db_url",
            ) from None
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next process have it. The file stays: removing it could remove the lock of the next one."""
        os.close(self._descriptor)
