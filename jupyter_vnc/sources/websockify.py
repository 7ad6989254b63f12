"""Targets from websockify's token plug-ins: a site's ``token.conf``, JSON API, JWT key or Redis works as it stands.

Files and folders of tokens are parsed here, so they can be *listed*; a change takes effect at the next request. Every
other plug-in can only look a token up, so its targets are not listed: whoever has the token opens the target by name.
A listed token is a name and no longer a secret; Jupyter decides who may open it (``allow_users`` in ``defaults``, the
authorizer).
"""

from __future__ import annotations

import re
import stat
import string
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from traitlets import Dict, Unicode

from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.plugins import load_plugin

from .base import TargetSource
from .files import Listing, Reading, Snapshot, read_text, snapshot
from .threads import CALL_TIMEOUT, CallFailed, QuietThreads, muted

#: Names that a plug-in may be asked for: long enough for a JWT (characters).
MAX_TOKEN: Final = 1024

#: For how long the last answer of a plug-in counts while it fails (seconds), and how many answers are remembered.
MEMORY: Final = 300.0
MAX_ANSWERS: Final = 1024

_FILE_PLUGINS: Final = frozenset({"TokenFile", "ReadOnlyTokenFile"})
_SOCKET_PLUGIN: Final = "UnixDomainSocketDirectory"
#: What a file is filled with that was emptied, or lost its content with the power.
_BLANK: Final = string.whitespace + "\0"
_ADDRESS_KEYS: Final = ("host", "port", "port_owner", "socket", "socket_owner", "desktop")


class _Line(NamedTuple):
    """One line of a token file, or one socket of a folder. ``where`` is for the log."""

    file: Path
    where: str
    name: str
    keys: dict[str, Any]


class WebsockifyTargets(TargetSource):
    """Targets that a websockify token plug-in knows."""

    plugin = Unicode(
        "TokenFile",
        help="""Name of a class of ``websockify.token_plugins``, or a dotted path to one of your own.

        Default: ``TokenFile``. ``TokenFile``, ``ReadOnlyTokenFile`` and ``UnixDomainSocketDirectory`` are listed; all
        others (``JSONTokenApi``, ``JWTTokenApi``, ``TokenRedis``, …) are asked for one token at a time, 5 s at most.
        Change it to what your websockify was started with as ``--token-plugin``.
        """,
    ).tag(config=True)

    source = Unicode(
        help="""What the plug-in takes, as in websockify's ``--token-source``: a file, a folder, a URL, host:port.

        No default: without it there are no targets. Of a folder, files whose names start with a dot are left out.
        """,
    ).tag(config=True)

    defaults = Dict(
        help="""Keys of ``c.VNCBroker.targets`` that each of these targets gets, such as ``{"mode": "view"}`` or
        ``{"password_file": "/etc/jupyter/vnc/lab.passwd"}``; no address. Default: none.
        """,
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._threads = QuietThreads()
        self._check_config()
        self._listing: Listing | None = None
        self._plugin: Any = None
        self._answers: dict[str, tuple[Target, float]] = {}
        if self.plugin in _FILE_PLUGINS or self.plugin == _SOCKET_PLUGIN:
            self._listing = Listing("WebsockifyTargets", self.log, self._threads, self._look, self._parse)
        else:
            self._plugin = self._load()

    def _check_config(self) -> None:
        """Find mistakes at start.

        Raises:
            ConfigError: names the option.
        """
        if not self.source:
            raise ConfigError("must be set to what the plug-in takes", key="WebsockifyTargets.source")
        if wrong := [key for key in _ADDRESS_KEYS if key in self.defaults]:
            raise ConfigError("an address has no default", key=f"WebsockifyTargets.defaults.{wrong[0]}")
        try:
            parse_target("defaults", {"host": "localhost", **self.defaults})
        except ConfigError as error:
            raise ConfigError(error.message, key=f"WebsockifyTargets.defaults.{error.key}") from None

    def _load(self) -> Any:
        """Make the plug-in.

        Raises:
            ConfigError: there is none of this name, or it does not take the source.
        """
        path = self.plugin if "." in self.plugin else f"websockify.token_plugins.{self.plugin}"
        kind: type[Any] = load_plugin(object, "", path, key="WebsockifyTargets.plugin")
        if not callable(getattr(kind, "lookup", None)):
            raise ConfigError(f"{self.plugin!r} is not a token plug-in: no lookup()", key="WebsockifyTargets.plugin")
        try:
            with muted():
                return kind(self.source)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the source may contain a password: quote nothing
            sentence = f"{self.plugin} does not take this source ({type(error).__name__})"
            raise ConfigError(sentence, key="WebsockifyTargets.source") from None

    @property
    def problems(self) -> Sequence[str]:
        """See :attr:`TargetSource.problems`: what is wrong with the files."""
        return self._listing.problems if self._listing else ()

    async def targets(self, user: User) -> Sequence[Target]:
        """All targets of a file or folder; none for a plug-in that can only look tokens up."""
        return tuple((await self._listing.targets()).values()) if self._listing else ()

    async def target(self, user: User, name: str) -> Target | None:
        """Return one target by name, listed or looked up."""
        return (await self._listing.targets()).get(name) if self._listing else await self._look_up(name)

    # -- files and folders --------------------------------------------------------------------------------------

    def _look(self) -> Snapshot:
        sockets = self.plugin == _SOCKET_PLUGIN
        kind = stat.S_ISSOCK if sockets else stat.S_ISREG
        return snapshot(Path(self.source), kind=kind, folder_only=sockets)

    def _parse(self, files: Sequence[Path], reading: Reading) -> None:
        for line in self._lines(files, reading):
            self._admit(line, reading)

    def _lines(self, files: Sequence[Path], reading: Reading) -> Iterator[_Line]:
        if self.plugin == _SOCKET_PLUGIN:
            yield from (_Line(file, str(file), file.name, {"socket": str(file.absolute())}) for file in files)
            return
        for file in files:
            try:
                text = read_text(file)
            except OSError as error:
                reading.unreadable(file, error)
                continue
            if not text.strip(_BLANK):
                reading.emptied(file, lost="\0" in text)
                continue
            yield from _parse_file(file, text, reading)

    def _admit(self, line: _Line, reading: Reading) -> None:
        """Make a target of a line. The name stays out of the complaint: in other files it may be a token."""
        try:
            target = parse_target(line.name, {**self.defaults, **line.keys})
        except ConfigError as error:
            reading.mistake(line.where, f"{f'{error.key} ' if error.key else ''}{error.message}", line.name)
            return
        if reading.has(line.name):
            reading.complaints.append(f"{line.where}: the name is used twice; this line counts")
        reading.admit(line.file, target)

    # -- plug-ins that look up ----------------------------------------------------------------------------------

    async def _look_up(self, name: str) -> Target | None:
        """Ask the plug-in; while it fails, its last answer counts: sessions outlive an outage of its service."""
        try:
            answer = await self._threads.run(lambda: self._plugin.lookup(name))
        except TimeoutError:
            self.log.warning("WebsockifyTargets: %s did not answer within %g s", self.plugin, CALL_TIMEOUT)
            return self._last_answer(name)
        except CallFailed as error:
            self.log.warning("WebsockifyTargets: %s failed with %s", self.plugin, error)
            return self._last_answer(name)
        target = None if answer is None else self._made_of(name, answer)
        self._note(name, target)
        return target

    def _last_answer(self, name: str) -> Target | None:
        target, when = self._answers.get(name, (None, 0.0))
        return target if time.monotonic() - when < MEMORY else None

    def _note(self, name: str, target: Target | None) -> None:
        """Remember an answer, and the latest ones only: anybody can ask for any name."""
        self._answers.pop(name, None)
        if target is not None:
            self._answers[name] = (target, time.monotonic())
        while len(self._answers) > MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _made_of(self, name: str, answer: Any) -> Target | None:
        try:
            host, port = answer
            # The name is a token: it should not appear in a tab's title.
            keys = {"title": "Desktop", **self.defaults, **_address(host, port)}
            return parse_target(name, keys, longest_name=MAX_TOKEN)
        except ConfigError as error:
            self.log.warning("WebsockifyTargets: %s gave a bad address: %s %s", self.plugin, error.key, error.message)
        except (TypeError, ValueError, OverflowError):
            self.log.warning("WebsockifyTargets: %s gave something other than a host and a port", self.plugin)
        return None


def _parse_file(file: Path, text: str, reading: Reading) -> Iterator[_Line]:
    """Parse lines of ``name: host:port``, as websockify does: white space after the first colon, ``#`` comments."""
    for number, raw in enumerate(text.split("\n"), 1):
        line, where = raw.strip(), f"{file}, line {number}"
        if not line or line.startswith("#"):
            continue
        try:
            name, address = re.split(r":\s+", line)
            yield _Line(file, where, name, _address(*_split(address)))
        except ValueError:
            # What stands before the mistake is the name, as far as one can tell.
            name = re.split(r"[:\s]", line, maxsplit=1)[0]
            reading.mistake(where, "must be 'name: host:port' or 'name: unix_socket:/path'", name)


def _split(address: str) -> tuple[str, str]:
    """Split at the colon that counts: a path, and an IPv6 address, may hold more."""
    if address.startswith("unix_socket:"):
        kind, _, path = address.partition(":")
        return kind, path
    host, _, port = address.rpartition(":")
    return host, port


def _address(host: Any, port: Any) -> dict[str, Any]:
    """Convert a plug-in's result to the keys of a target.

    Raises:
        ValueError: the port is not a number.
        TypeError: the port is of a wrong type.
    """
    return {"socket": port} if host == "unix_socket" else {"host": host, "port": int(port)}
