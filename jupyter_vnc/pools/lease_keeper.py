"""Keeps the leases in their file: loaded once, locked against a second service, saved after each change.

The event loop only collects the values; they are encoded and written in a thread.
"""

from __future__ import annotations

import asyncio
import errno
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.exceptions import ConfigError, StoreUnavailable
from jupyter_vnc.system.files import check_regular
from jupyter_vnc.system.locks import FileLock, LockedError
from jupyter_vnc.system.logs import Log, one_line

from . import state_file

#: The trait that names the file.
_KEY: Final = "PoolManager.state_file"
#: How long a change that is no hurry, as of a user's last input, may wait until it is saved (seconds).
LATER: Final = 30.0
#: What a file system answers that has no locks.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


class LeaseKeeper:
    """The state of all pools on the disk.

    Args:
        path: the file; None to keep nothing.
        log: for errors of the file.
        state: returns the current state, as plain values that do not change any more.
    """

    def __init__(self, path: Path | None, log: Log, state: Callable[[], Mapping[str, Any]]) -> None:
        self._path = path
        self._log = one_line(log)
        self._state = state
        self._lock: FileLock | None = None
        self._version = self._written = 0
        self._writing: asyncio.Task[None] | None = None
        self._trouble = ""
        #: Since when a change waits that is no hurry.
        self._late: float | None = None

    async def load(self, parse: Callable[[Mapping[str, Any]], None]) -> None:
        """Lock the file, pass its content to ``parse`` in a thread, and save it at once.

        A file that cannot be written is detected before the first lease. A broken one is set apart.

        Raises:
            ConfigError: it cannot be read or written, or another service uses it.
        """
        if (given := self._path) is None:
            return
        try:
            await asyncio.to_thread(self._load, given, parse)
        except OSError as error:
            raise ConfigError(f"{given}: {error.strerror or error}; leases cannot be kept there", key=_KEY) from None

    def _load(self, given: Path, parse: Callable[[Mapping[str, Any]], None]) -> None:
        # The lock is beside the file and not beside a link to it, of which there may be several.
        path = self._path = state_file.find(given)
        with suppress(FileNotFoundError):
            check_regular(path)  # before there is a lock beside it
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        self._take_lock(self._lock, given)
        try:
            self._read(path, parse)
        except BaseException:
            self.unlock()
            raise

    def _read(self, path: Path, parse: Callable[[Mapping[str, Any]], None]) -> None:
        try:
            parse(state_file.read(path))
        except ValueError as error:
            kept = state_file.set_apart(path)
            said = f"{path} is broken: {error}. It is kept as {kept.name}, and all leases are lost."
            self._log.error("%s: %s", _KEY, said)
        state_file.write(path, state_file.encode(self._state()))

    def _take_lock(self, lock: FileLock, path: Path) -> None:
        try:
            lock.take()
        except LockedError as error:
            raise ConfigError(
                f"{path} is in use by another service: {error.holder}. Two services would give one machine to two "
                "users. Stop the other one, or configure another file",
                key=_KEY,
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            self._log.warning("%s: the file system of %s has no locks: run one service only", _KEY, path)

    def change(self) -> None:
        """Note that there is something to save, where there is a file."""
        self._version += self._path is not None

    def change_later(self, now: float) -> None:
        """Note that there is something to save that is no hurry; it is due :data:`LATER` seconds from the first."""
        if self._late is None:
            self._late = now

    def change_due(self, now: float = math.inf) -> None:
        """Note that what is no hurry has to be saved, if it is due at this time of the same clock."""
        if self._late is not None and now - self._late >= LATER:
            self._late = None
            self.change()

    def save_soon(self) -> None:
        """Begin to save, if there is something to save."""
        if self._written < self._version:
            self._write_soon()

    async def save(self) -> None:
        """Wait until all changes are saved.

        Raises:
            StoreUnavailable: they cannot be written.
        """
        wanted = self._version
        while self._written < wanted:
            task = self._write_soon()
            await asyncio.wait([task])
            task.result()
            if self._trouble and self._written < wanted:
                raise StoreUnavailable("The lease could not be saved. Try again in a moment.")

    def unlock(self) -> None:
        """Let another service have the file."""
        if self._lock is not None:
            self._lock.release()

    def _write_soon(self) -> asyncio.Task[None]:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="vnc-pool-state")
        return self._writing

    async def _write(self) -> None:
        """Save the current state; later changes wait for the next call."""
        version, path = self._version, self._path
        assert path is not None  # noqa: S101 - for the type checker: without a file there is nothing to save
        try:
            await asyncio.to_thread(_encode_and_write, path, self._state())
        except OSError as error:
            self._complain(f"{path} cannot be written: {error.strerror or error}")
            return
        self._trouble = ""
        self._written = version

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._log.error("%s: %s. No machine is given out until this is fixed.", _KEY, trouble)
        self._trouble = trouble


def _encode_and_write(path: Path, state: Mapping[str, Any]) -> None:
    state_file.write(path, state_file.encode(state))
