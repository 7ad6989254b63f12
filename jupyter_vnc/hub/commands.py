"""``jupyter vnc-hub targets`` and ``rotate-keys``: registered targets from a shell, also while the service runs.

They read the service's configuration: run them in its folder, with its ``--config``. Whoever can read the database and
the keys may change every target.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from jupyter_core.application import JupyterApp
from traitlets import Bool, List, Unicode, default
from traitlets.config import Configurable

from jupyter_vnc.config.exports import as_config, as_csv
from jupyter_vnc.config.imports import MAX_TEXT, READERS, cell_value, put
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import ConfigError, VNCError
from jupyter_vnc.model.users import User
from jupyter_vnc.stores.database.keyring import Unreadable
from jupyter_vnc.system.files import read_text

from .app import VNCHub
from .editor import Editor
from .registry.drafts import Draft, read_drafts
from .registry.service import RegistryService
from .registry.trials import Trials


def say(*columns: object) -> None:
    """Print a line; names and texts of servers in it must not control the terminal."""
    print("\t".join(printable(str(column)) for column in columns), flush=True)  # noqa: T201


def me() -> Editor:
    """Return who runs the command."""
    return Editor(f"{getpass.getuser()} (shell)", local=True)


class RegistryCommand(VNCHub):
    """A command that works on the database of the service, with the options of the service."""

    classes: ClassVar[list[type[Configurable]]] = []  # type: ignore[misc]
    subcommands: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def start(self) -> None:
        """Run the command, and exit with its status."""
        JupyterApp.start(self)
        try:
            status = asyncio.run(self._run())
        except (VNCError, Unreadable, OSError) as error:
            self.exit_with(str(error))
        self.exit(status)

    async def _run(self) -> int:
        service = await self.open_registry(alone=False)
        try:
            await service.snapshot.refresh(strict=True)
            return await self.work(service)
        finally:
            await service.close()

    async def work(self, service: RegistryService) -> int:
        """Do it; return the exit status."""
        raise NotImplementedError


class RotateKeys(RegistryCommand):
    """Makes a new key, and encrypts all secrets with it."""

    description = """Make a new key, and encrypt all secrets in the database with it.

    The old keys stay in the file, because backups of the database need them; remove their lines when no backup does. If
    the keys are in JUPYTER_VNC_KEYS, put a new one first there, restart the service, and run this with --no-new-key.
    """
    new_key = Bool(True, help="Whether to make a new key. Default: True.").tag(config=True)
    flags: dict[str, Any] = {  # noqa: RUF012
        **JupyterApp.flags,
        "no-new-key": ({"RotateKeys": {"new_key": False}}, "Encrypt with the newest key that is there."),
    }

    async def work(self, service: RegistryService) -> int:
        """See the class."""
        if self.new_key:
            await asyncio.to_thread(service.keyring.add_key)
        count = await service.registry.rotate(me())
        say(f"The secrets of {count} targets are encrypted with the newest key of {service.keyring.source}.")
        return 0


class Targets(RegistryCommand):
    """Lists and changes registered targets."""

    description = """Registered targets of the hub service, from a shell.

    jupyter vnc-hub targets list
    jupyter vnc-hub targets add NAME KEY=VALUE ...      password=- asks for it, or reads it from standard input
    jupyter vnc-hub targets remove NAME ...
    jupyter vnc-hub targets import FORMAT FILE ...      csv, tokens, folder or guacamole; --dry-run looks only
    jupyter vnc-hub targets export [csv|config]
    jupyter vnc-hub targets test NAME ...

    Run it in the folder of the service, with its --config.
    """
    dry_run = Bool(False, help="Only say what would be imported. Default: False.").tag(config=True)
    flags: dict[str, Any] = {  # noqa: RUF012
        **JupyterApp.flags,
        "dry-run": ({"Targets": {"dry_run": True}}, "Only say what would be imported."),
    }

    def parse_command_line(self, argv: Sequence[str] | None = None) -> None:
        """Leave ``KEY=VALUE`` to the command: only what begins with a dash is an option."""
        words = list(sys.argv[1:] if argv is None else argv)
        super().parse_command_line([word for word in words if word.startswith("--")])
        self.words = [word for word in words if not word.startswith("--")]

    words = List(Unicode())

    @default("words")
    def _no_words(self) -> list[str]:
        return []

    async def work(self, service: RegistryService) -> int:
        """See the class."""
        command, *words = self.words or ["help"]
        if command not in _COMMANDS or (words == [] and command in _WANT_MORE):
            self.print_help()
            return 2
        return await _COMMANDS[command](self, service, words)

    async def list(self, service: RegistryService, words: Sequence[str]) -> int:
        """List the targets: name, address, who may, and what is wrong."""
        for one in service.registry.seen_by(me()):
            keys = one.entry.keys
            who = [*keys.get("allow_groups", []), *keys.get("allow_users", [])]
            say(one.entry.name, one.target.address if one.target else "-", ",".join(who) or "everybody", one.problem)
        return 0

    async def add(self, service: RegistryService, words: Sequence[str]) -> int:
        """Register a target."""
        name, *pairs = words
        keys: dict[str, Any] = {}
        for pair in pairs:
            key, _, text = pair.partition("=")
            try:
                value = await asyncio.to_thread(_secret) if (key, text) == ("password", "-") else cell_value(key, text)
                put(keys, key.split("."), value)
            except ValueError as error:
                raise ConfigError(str(error), target=name, key=key) from None
        await service.registry.save(me(), name, keys, 0)
        say(f"{name} is registered.")
        return 0

    async def remove(self, service: RegistryService, words: Sequence[str]) -> int:
        """Remove targets."""
        for name in words:
            await service.registry.remove(me(), name, None)
            say(f"{name} is removed.")
        return 0

    async def import_files(self, service: RegistryService, words: Sequence[str]) -> int:
        """Register the targets of files; name those that have mistakes."""
        form, *paths = words
        if form not in READERS:
            raise ConfigError(f"{form!r} is no format; there are: {', '.join(READERS)}")
        files = await asyncio.to_thread(_read, paths)
        drafts = await asyncio.to_thread(read_drafts, form, files, {})
        checked, writes = await service.registry.preview(me(), drafts)
        bad = [one for one in checked if one.errors]
        for one in bad:
            say(f"{one.where}: {one.name}: {_sentence(one)}")
        if writes and not self.dry_run:
            await service.registry.add_all(me(), writes)
        say(f"{len(writes)} targets {'can be' if self.dry_run else 'were'} imported, {len(bad)} have mistakes.")
        return 1 if bad else 0

    async def export(self, service: RegistryService, words: Sequence[str]) -> int:
        """Print the targets as CSV or as configuration, without secrets."""
        targets = {one.entry.name: one.entry.keys for one in service.registry.seen_by(me())}
        text = as_config(targets) if words[:1] == ["config"] else as_csv(targets)
        print(text, end="", flush=True)  # noqa: T201
        return 0

    async def test(self, service: RegistryService, words: Sequence[str]) -> int:
        """Try targets, and print each step."""
        trials, wrong = Trials(Connector()), 0
        for name in words:
            one = await service.registry.find(me(), name)
            if one.target is None:
                say(name, "FAILED", one.problem)
                wrong += 1
                continue
            trial = await trials.run(one.target, User(getpass.getuser()))
            for step in trial.steps:
                result = f"FAILED: {step.error.log_line}" if step.error else step.result
                say(name, step.name, f"{step.seconds * 1000:.0f} ms", result)
            wrong += trial.error is not None
        return 1 if wrong else 0


_COMMANDS: Final[Mapping[str, Callable[[Targets, RegistryService, Sequence[str]], Awaitable[int]]]] = {
    "list": Targets.list,
    "add": Targets.add,
    "remove": Targets.remove,
    "import": Targets.import_files,
    "export": Targets.export,
    "test": Targets.test,
}
_WANT_MORE: Final = frozenset({"add", "remove", "import", "test"})


def _secret() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _read(paths: Sequence[str]) -> list[dict[str, str]]:
    """Read files, and those of folders.

    Raises:
        ConfigError: one cannot be read.
    """
    files = []
    try:
        for path in map(Path, paths):
            found = sorted(path.iterdir()) if path.is_dir() else [path]
            files += [
                {"name": file.name, "text": read_text(file, MAX_TEXT)}
                for file in found
                if not file.name.startswith(".")
            ]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{getattr(error, 'filename', '')}: {getattr(error, 'strerror', 'is not UTF-8')}") from None
    return files


def _sentence(one: Draft) -> str:
    return "; ".join(f"{key} {said}".strip() for key, said in one.errors.items())
