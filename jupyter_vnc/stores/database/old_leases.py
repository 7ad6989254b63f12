"""The file of leases that a service had before it had a database: read once, then renamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.pools import state_file
from jupyter_vnc.pools.lease_keeper import lock_file
from jupyter_vnc.system.locks import FileLock
from jupyter_vnc.system.logs import Log, one_line

_KEY: Final = "PoolManager.state_file"
#: What the file's name ends with once its leases are in the database.
TAKEN: Final = ".taken-over"


class OldLeases:
    """The file, which is left as it is unless its leases are in the database.

    Args:
        path: where it may be; None for nowhere.
        log: for what was done with it.
    """

    def __init__(self, path: Path | None, log: Log) -> None:
        self._path = path
        self._log = one_line(log)
        self._lock: FileLock | None = None

    def read(self) -> dict[str, Any] | None:
        """Lock it, and return what it has; None if there is none. Blocks.

        Raises:
            ConfigError: it cannot be read, it is not valid, or a service that has no database uses it.
        """
        given = self._path
        try:
            if given is None or not (real := state_file.find(given)).exists():
                return None
            self._lock = lock_file(real, given, self._log)
            self._path = real
            return state_file.read(real)
        except OSError as error:
            raise ConfigError(f"{given}: {error.strerror or error}", key=_KEY) from None
        except ValueError as error:
            raise self._refusal(error) from None

    def parse(self, parse: Callable[[Mapping[str, Any]], None], state: Mapping[str, Any]) -> None:
        """Pass what it has to ``parse``. Blocks.

        Raises:
            ConfigError: it is not valid.
        """
        try:
            parse(state)
        except ValueError as error:
            raise self._refusal(error) from None

    def _refusal(self, error: ValueError) -> ConfigError:
        return ConfigError(
            f"{self._path} is broken, so its leases cannot be taken over into the database: {error}. Restore it, or "
            "move it away to begin without leases",
            key=_KEY,
        )

    def rename(self, *, taken: bool) -> None:
        """Move it away, and say so in the log. Blocks.

        Args:
            taken: whether its leases are in the database now; otherwise that had others already.
        """
        path = self._path
        assert path is not None  # noqa: S101 - for the type checker: it was read
        new = next(one for one in _names(path) if not one.exists())
        try:
            path.replace(new)
        except OSError as error:
            self._log.warning("%s: %s cannot be renamed: %s", _KEY, path, error.strerror)
            return
        if taken:
            self._log.info("The leases of %s are in the database now; the file is kept as %s", path, new.name)
        else:
            self._log.warning("%s was not read: the database has leases already. It is kept as %s", path, new.name)

    def close(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            self._lock.release()


def _names(path: Path) -> Any:
    yield path.with_name(f"{path.name}{TAKEN}")
    number = 2
    while True:
        yield path.with_name(f"{path.name}{TAKEN}-{number}")
        number += 1
