"""``jupyter vnc``: check whether each configured target responds and accepts the login, and report why not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from jupyter_core.application import JupyterApp
from traitlets.config import Application, Configurable

from jupyter_vnc import __version__

from .broker.access.kinds import AccessKinds
from .broker.broker import VNCBroker
from .connect.connector import ConnectLimits, Connector
from .desktops.manager import DesktopManager
from .exceptions import VNCError, printable
from .model.targets import Target
from .model.users import User
from .sources.config import ConfigTargets
from .system.account import account_name

_COMMANDS: Final = ("check", "list", "version")


class VNCCommand(JupyterApp):
    """Reads the same configuration as the server extension, starts nothing, and serves nobody."""

    name = "jupyter-vnc"
    version = __version__
    description = """Remote desktops in Jupyter.

    jupyter vnc check [NAME ...]   log in to each target, and report what is wrong
    jupyter vnc list               list the targets
    jupyter vnc version            print the version
    """
    classes: list[type[Configurable]] = [VNCBroker, DesktopManager, ConfigTargets]  # noqa: RUF012

    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Read the server's configuration files too: they contain the targets."""
        Application.load_config_file(self, "jupyter_server_config", path=self.config_file_paths)
        super().load_config_file(suppress_errors)

    def start(self) -> None:
        """Run the command."""
        super().start()
        command, *names = self.extra_args or ["help"]
        if command not in _COMMANDS:
            self.print_help()
            self.exit(2)
        if command == "version":
            _say(__version__)
            self.exit(0)
        self.exit(asyncio.run(self._run(command, names)))

    async def _run(self, command: str, names: list[str]) -> int:
        broker = VNCBroker(parent=self)
        try:
            user = User(account_name())
            targets, wrong = await _targets(broker, user)
            wrong += len(broker.catalogue.problems)
            if not targets:
                _say(f"There is no desktop. {'See above what is wrong.' if wrong else broker.advice}".rstrip())
                return 1
            if command == "list":
                return _list(targets)
            return 1 if await _check(targets, names, broker.access) + wrong else 0
        finally:
            await broker.close()


async def _targets(broker: VNCBroker, user: User) -> tuple[dict[str, Target], int]:
    """Return everybody's targets as the server merges them, and how many sources failed."""
    targets: dict[str, Target] = {}
    failed = 0
    for source in broker.sources:
        try:
            for target in await source.targets(user):
                targets.setdefault(target.name, target)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            _say(f"target source {type(source).__name__}: FAILED: {error!r}")
            failed += 1
    return targets, failed


def _say(*columns: str) -> None:
    """Print a line; names and texts of servers in it must not control the terminal."""
    print("\t".join(printable(column) for column in columns), flush=True)


def _list(targets: dict[str, Target]) -> int:
    for target in targets.values():
        _say(target.name, target.mode.value, str(target.address))
    return 0


async def _check(targets: dict[str, Target], names: list[str], kinds: AccessKinds) -> int:
    """Try the named targets, or all; return how many failed. A refused entry was logged when it was read."""
    wrong = 0
    for name in names or targets:
        if (target := targets.get(name)) is None:
            _say(f"{name}: there is no such target")
            wrong += 1
            continue
        connector = Connector(ConnectLimits(5.0, 10.0))
        for suffix, try_it in kinds.of(target).trials(target, User(account_name()), connector):
            answer, good = await _try(try_it)
            _say(f"{name}{suffix}: {answer}")
            wrong += not good
    return wrong


async def _try(try_it: Callable[[], Awaitable[str]]) -> tuple[str, bool]:
    """Run a trial; return what to print, and whether it succeeded."""
    try:
        return await try_it(), True
    except VNCError as error:
        return f"FAILED: {error.log_line}", False


def main() -> None:
    """Run ``jupyter vnc``."""
    VNCCommand.launch_instance(sys.argv[1:])
