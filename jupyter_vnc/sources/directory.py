"""Targets from a folder with a file for each: ``lab-1.toml`` or ``lab-1.json``, with the keys of the configuration.

Made for tools that add and remove machines: a file that is added, removed or changed takes effect at the next request.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from traitlets import Unicode

from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.system.environment import take_passwords
from jupyter_vnc.system.files import is_open_to_others

from .base import TargetSource
from .files import Listing, Reading, Snapshot, read_text, snapshot
from .threads import QuietThreads

_FORMATS: Final[Mapping[str, Callable[[str], Any]]] = {".json": json.loads, ".toml": tomllib.loads}


class DirectoryTargets(TargetSource):
    """A target for each file of a folder."""

    path = Unicode(
        help="""Folder with a file for each target, named after it: ``lab-1.toml`` or ``lab-1.json``.

        In a file are the keys of ``c.VNCBroker.targets``. Other files, and those whose names start with a dot, are
        ignored: write ``.lab-1.toml`` first and rename it, and a file is never read half-written. A file that everybody
        can change is refused, and one with an inline password that others can read. While there is a mistake in a file,
        its last version without one stays in use, and the log and the page of desktops say what is wrong. No default:
        without it there are no targets.
        """,
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.path:
            raise ConfigError("must be set to a folder", key="DirectoryTargets.path")
        self._listing = Listing("DirectoryTargets", self.log, QuietThreads(), self._look, _parse)

    @property
    def problems(self) -> Sequence[str]:
        """See :attr:`TargetSource.problems`: what is wrong with the files."""
        return self._listing.problems

    async def targets(self, user: User) -> Sequence[Target]:
        """All of them, in the order of their names; the broker decides whom each admits."""
        return tuple((await self._listing.targets()).values())

    async def target(self, user: User, name: str) -> Target | None:
        """Return the target of this name."""
        return (await self._listing.targets()).get(name)

    def _look(self) -> Snapshot:
        return snapshot(Path(self.path), lambda file: file.suffix in _FORMATS, folder_only=True)


def _parse(files: Sequence[Path], reading: Reading) -> None:
    for file in files:
        try:
            if reading.has(file.stem):
                raise ConfigError("there is a target of this name already")  # noqa: TRY301 - gets its place below
            reading.admit(file, _read(file))
        except OSError as error:
            reading.unreadable(file, error)
        except Exception as error:  # noqa: BLE001 - a mistake in one file must not affect the others
            reading.mistake(str(file), _sentence(error), file.stem)


def _sentence(error: Exception) -> str:
    """Return what is wrong; for an unexpected error only its class, because its text may quote the file."""
    if isinstance(error, ConfigError):
        return f"key {error.key!r}: {error.message}" if error.key else error.message
    return f"cannot be understood ({type(error).__name__})"


def _read(file: Path) -> Target:
    """Make a target of a file.

    Raises:
        ConfigError: names the mistake without quoting the file, which may contain a password.
        OSError: it cannot be read.
    """
    status = file.stat()
    if status.st_mode & 0o002:
        raise ConfigError("everybody can change it: chmod o-w it")
    try:
        keys = _FORMATS[file.suffix](read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"is not JSON: {error}") from None
    except RecursionError:
        raise ConfigError("is nested too deeply") from None
    except ValueError:  # Python refuses longer ones: the time to parse one grows with its square
        raise ConfigError("holds a number with too many digits") from None
    if isinstance(keys, Mapping) and "password" in keys and is_open_to_others(status):
        raise ConfigError("others can read it: chmod 600 the file, or use password_file", key="password")
    take_passwords(keys)
    return parse_target(file.stem, keys)
