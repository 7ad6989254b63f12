"""``jupyter vnc``: check the configured targets, and use the desktops of the Jupyter server of this terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Container, Sequence
from itertools import islice
from typing import Any, Final

from jupyter_core.application import JupyterApp
from traitlets import Bool
from traitlets.config import Application, Configurable

from jupyter_vnc import __version__

from .broker.access.kinds import AccessKinds
from .broker.broker import VNCBroker
from .broker.target_checks import Finding, try_all
from .connect.connector import Connector
from .connect.login import ConnectLimits
from .desktops import doctor
from .desktops.manager import DesktopManager
from .escaping import printable
from .model.targets import Target
from .model.users import User
from .notebook.commands import COMMANDS, Command
from .notebook.server import NotebookError, find
from .sources.config import ConfigTargets
from .system.account import account_name

_COMMANDS: Final = ("check", "doctor", "list", "version", *COMMANDS)


class VNCCommand(JupyterApp):
    """Reads the same configuration as the server extension, starts nothing, and serves nobody."""

    name = "jupyter-vnc"
    version = __version__
    description = """Remote desktops in Jupyter.

    With the configuration of the server:
      jupyter vnc check [NAME ...]         log in to each target, and report what is wrong
      jupyter vnc doctor                   find what this machine lacks for desktops, and the command that installs it
      jupyter vnc list                     list the targets
      jupyter vnc version                  print the version

    With the desktops of the Jupyter server in whose terminal it runs, and the permissions of its user:
      jupyter vnc sessions                 list the open sessions
      jupyter vnc end ID ...               end sessions
      jupyter vnc start NAME ...           start managed desktops
      jupyter vnc stop NAME ...            stop managed desktops with all their programs
      jupyter vnc screenshot NAME [FILE]   save the screen as PNG, in NAME.png if there is no FILE
      jupyter vnc type NAME TEXT           type a text
      jupyter vnc open NAME FILE           open a file with the application that a managed desktop has for it

    Options may stand anywhere; all but version print JSON with --json. Put what begins with a dash and is no option
    after --.
    """
    flags: dict[str, Any] = {  # noqa: RUF012
        **JupyterApp.flags,
        "json": ({"VNCCommand": {"as_json": True}}, "Print JSON, for programs."),
    }

    as_json = Bool(help="Whether commands print JSON. Default False. For programs.").tag(config=True)

    classes: list[type[Configurable]] = [VNCBroker, DesktopManager, ConfigTargets]  # noqa: RUF012

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Parse a command line with options and names in any order; traitlets refuses a name after an option."""
        super().parse_command_line(_options_first(sys.argv[1:] if argv is None else argv, self.flags))

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
            self._say(__version__)
            self.exit(0)
        if command == "doctor":
            self.exit(self._doctor())
        if command in COMMANDS:
            self.exit(self._use(COMMANDS[command], names))
        self.exit(asyncio.run(self._run(command, names)))

    def _doctor(self) -> int:
        """Print what this machine lacks; 0 if desktops can start."""
        report = DesktopManager(parent=self).examine()
        self._answer(report.as_json())
        for line in doctor.lines(report):
            self._say(line)
        return 0 if report.usable else 1

    def _use(self, command: Command, words: Sequence[str]) -> int:
        """Do something with the desktops of the server that has started us; 0 if it is done."""
        if not command.takes(words):
            self._fail(f"Usage: jupyter vnc {command.usage}")
            return 2
        try:
            answer = command.run(find(), words)
        except (NotebookError, OSError, ValueError) as error:
            self._fail(str(error))
            return 1
        self._answer(answer.data)
        if not self.as_json:
            for line in answer.lines:
                self._say(*line)
        return 0

    def _fail(self, sentence: str) -> None:
        self._answer({"error": sentence})
        print(printable(sentence), file=sys.stderr, flush=True)

    async def _run(self, command: str, names: list[str]) -> int:
        broker = VNCBroker(parent=self)
        try:
            user = User(account_name())
            targets, wrong = await self._targets(broker, user)
            wrong += len(broker.catalogue.problems)
            if not targets:
                self._answer([])
                self._say(f"There is no desktop. {'See above what is wrong.' if wrong else broker.advice}".rstrip())
                return 1
            if command == "list":
                return self._list(targets)
            return 1 if await self._check(targets, names, broker.access, user) + wrong else 0
        finally:
            await broker.close()

    async def _targets(self, broker: VNCBroker, user: User) -> tuple[dict[str, Target], int]:
        """Return everybody's targets as the server merges them, and how many sources failed."""
        targets: dict[str, Target] = {}
        failed = 0
        for source in broker.sources:
            try:
                for target in await source.targets(user):
                    targets.setdefault(target.name, target)
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
                self._say(f"target source {type(source).__name__}: FAILED: {error!r}")
                failed += 1
        return targets, failed

    def _list(self, targets: dict[str, Target]) -> int:
        rows = [(target.name, target.mode.value, str(target.address)) for target in targets.values()]
        self._answer([dict(zip(("target", "mode", "address"), row, strict=True)) for row in rows])
        for row in rows:
            self._say(*row)
        return 0

    async def _check(self, targets: dict[str, Target], names: list[str], kinds: AccessKinds, user: User) -> int:
        """Try the named targets, or all; return how many failed. A refused entry was logged when it was read."""
        wanted = list(dict.fromkeys(names)) or list(targets)
        findings = [Finding(name, "", False, "there is no such target") for name in wanted if name not in targets]
        for finding in findings:
            self._say(f"{finding.target}: {finding.sentence}")
        known = [targets[name] for name in wanted if name in targets]
        async for finding in try_all(known, user, kinds, Connector(ConnectLimits(5.0, 10.0))):
            self._say(finding.line)
            findings.append(finding)
        self._answer([finding.public() for finding in findings])
        return sum(not finding.good for finding in findings)

    def _say(self, *columns: str) -> None:
        """Print a line for people; names and texts of servers in it must not control the terminal."""
        where = sys.stderr if self.as_json else sys.stdout
        print("\t".join(printable(column) for column in columns), file=where, flush=True)

    def _answer(self, answer: object) -> None:
        """Print JSON, if that is wanted; JSON escapes all that could control a terminal."""
        if self.as_json:
            print(json.dumps(answer, indent=2), flush=True)


def _options_first(argv: Sequence[str], flags: Container[str]) -> list[str]:
    """Put options before words: an option that is no flag has its value behind ``=``, or in the next word."""
    options: list[str] = []
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            words += rest
        elif not word.startswith("-"):
            words.append(word)
        else:
            options.append(word)
            if "=" not in word and word.lstrip("-") not in flags:
                options += islice(rest, 1)
    return [*options, "--", *words]


def main() -> None:
    """Run ``jupyter vnc``."""
    VNCCommand.launch_instance(sys.argv[1:])
