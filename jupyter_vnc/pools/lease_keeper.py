"""Keeps the leases: loaded once, saved after each change. Here in a file, which is locked against a second service.

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
from .presence import Present

#: The trait that names the file.
_KEY: Final = "PoolManager.state_file"
#: How long a change that is no hurry, as of a user's last input, may wait until it is saved (seconds).
LATER: Final = 30.0
#: What a file system answers that has no locks.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})

#: Returns the state of all pools.
State = Callable[[], Mapping[str, Any]]
#: Takes over what another process has saved: what both began with, and what is there now.
Adopt = Callable[[Mapping[str, Any], Mapping[str, Any]], None]


def lock_file(path: Path, name: Path, log: Log) -> FileLock:
    """Lock a file of leases. Blocks.

    Args:
        path: where it really is.
        name: what the configuration calls it.
        log: for a file system that has no locks.

    Raises:
        ConfigError: another service uses it.
        OSError: the lock cannot be made.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.take()
    except LockedError as error:
        raise ConfigError(
            f"{name} is in use by another service: {error.holder}. Two services would give one machine to two "
            "users. Stop the other one, or configure another file",
            key=_KEY,
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("%s: the file system of %s has no locks: run one service only", _KEY, name)
    return lock


class NotSaved(Exception):
    """The leases cannot be saved at present; the message says why."""


class LeaseKeeper:
    """Saves the state of all pools: one write at a time, of all that has changed until it begins.

    Args:
        log: for errors.
        state: returns the current state, as plain values that do not change any more.
    """

    #: The option that says where the leases are.
    key = _KEY

    def __init__(self, log: Log, state: State) -> None:
        self._log = one_line(log)
        self._state = state
        self._version = self._written = 0
        self._writing: asyncio.Task[None] | None = None
        self._trouble = ""
        #: Since when a change waits that is no hurry.
        self._late: float | None = None
        #: Returns who is at this process; the manager sets it.
        self.here: Callable[[], Present] = Present
        #: Takes who is at other processes; the manager sets it.
        self.meet: Callable[[Present], None] = lambda elsewhere: None

    async def load(self, parse: Callable[[Mapping[str, Any]], None]) -> None:
        """Pass to ``parse`` what was saved, in a thread.

        Raises:
            ConfigError: it cannot be used.
            StoreUnavailable: it can neither be read now nor be known to be wrong: try again.
        """
        raise NotImplementedError

    async def _store(self) -> None:
        """Save the current state.

        Raises:
            NotSaved: that is not possible now.
        """
        raise NotImplementedError

    async def refresh(self) -> None:
        """Look whether another process has changed the leases; called every second."""

    @property
    def place(self) -> str:
        """Where the leases are kept, for a sentence."""
        raise NotImplementedError

    async def leave(self) -> None:
        """Tell other processes that nobody is here any more.

        Raises:
            StoreUnavailable: they cannot be told.
        """

    def unlock(self) -> None:
        """Let another service have the leases."""

    def change(self) -> None:
        """Note that there is something to save."""
        self._version += 1

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

    def _write_soon(self) -> asyncio.Task[None]:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="vnc-pool-state")
        return self._writing

    async def _write(self) -> None:
        """Save the current state; later changes wait for the next call."""
        version = self._version
        try:
            await self._store()
        except NotSaved as error:
            self._complain(str(error))
            return
        self._trouble = ""
        self._written = version

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._log.error("%s: %s. No machine is given out until this is fixed.", self.key, trouble)
        self._trouble = trouble


class FileLeases(LeaseKeeper):
    """The state of all pools in a file.

    Args:
        path: the file; None to keep nothing.
        log: see :class:`LeaseKeeper`.
        state: see :class:`LeaseKeeper`.
    """

    def __init__(self, path: Path | None, log: Log, state: State) -> None:
        super().__init__(log, state)
        self._path = path
        self._lock: FileLock | None = None

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
        self._lock = lock_file(path, given, self._log)
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

    @property
    def place(self) -> str:
        """See :attr:`LeaseKeeper.place`."""
        return str(self._path)

    def change(self) -> None:
        """Note that there is something to save, where there is a file."""
        self._version += self._path is not None

    def unlock(self) -> None:
        """Let another service have the file."""
        if self._lock is not None:
            self._lock.release()

    async def _store(self) -> None:
        path = self._path
        assert path is not None  # noqa: S101 - for the type checker: without a file there is nothing to save
        try:
            await asyncio.to_thread(_encode_and_write, path, self._state())
        except OSError as error:
            raise NotSaved(f"{path} cannot be written: {error.strerror or error}") from None


def _encode_and_write(path: Path, state: Mapping[str, Any]) -> None:
    state_file.write(path, state_file.encode(state))
