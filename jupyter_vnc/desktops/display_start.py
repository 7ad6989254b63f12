"""The start of a desktop's display: its X server, and the session's bus meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jupyter_vnc import tasks
from jupyter_vnc.desktops.processes.procfs import display_holder
from jupyter_vnc.desktops.processes.runtime_folder import AUTHORITY, SOCKET
from jupyter_vnc.desktops.processes.tree import Tree
from jupyter_vnc.desktops.x11.display import Display
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.system.logs import Log

from . import launch
from .checks import server_failure
from .readiness import answers
from .session import SessionCommand
from .settings import Settings
from .x11 import xvnc

NO_DISPLAY: Final = (
    "No X display number from 100 to 999 is free here. Have an administrator remove old locks: /tmp/.X*-lock."
)


@dataclass(frozen=True, slots=True)
class DisplayStart:
    """One start of a display, with all that it takes.

    Attributes:
        tree: where its programs run.
        display: its numbers and its cookie.
        folder: the desktop's own.
        title: the name of the desktop.
        spec: what the desktop has to be like.
        command: the session that will be on it.
        settings: those of the server.
        log: for a warning.
        sound: what programs find the desktop's sound server by.
    """

    tree: Tree
    display: Display
    folder: Path
    title: str
    spec: DesktopSpec
    command: SessionCommand
    settings: Settings
    log: Log
    sound: Mapping[str, str] = field(default_factory=dict)

    async def run(self) -> tuple[int, dict[str, str]]:
        """Start the X server and the bus; return when both answer.

        Returns:
            The X server's process id, and the environment of the session's programs.

        Raises:
            DesktopFailed: there is no X server; the message explains why.
        """
        for number in self.display.candidates():
            self.display.use(number)
            await tasks.in_thread(self.display.prepare_cookie, self.folder)
            variables = self.display.variables(self.folder) | dict(self.sound)
            environ = await tasks.in_thread(
                launch.session_environment, self.folder, variables, self.command, self.settings
            )
            bus = launch.start_bus(self.tree, environ, self.folder, self.settings.home, self.log)
            server, _ = await tasks.together(self._start_server(), bus)
            if server:
                return server, environ
        raise DesktopFailed(NO_DISPLAY)

    async def _start_server(self) -> int:
        """Start the X server; return its process id when it answers, 0 if another program took its display first.

        Raises:
            DesktopFailed: it did not start; the message explains why.
        """
        number = self.display.number
        where = xvnc.Listening(number, self.folder / SOCKET, self.folder / AUTHORITY)
        command = xvnc.arguments(self.settings.server, self.spec, where, title=self.title)
        environ = xvnc.environment(self.settings.environ)
        pid = await self.tree.run("server", command, environ, last=True, display=number)
        how = await answers(where.socket, self.tree.exited("server"))
        if how is None:
            return pid
        if display_holder(number) in {0, pid}:
            raise server_failure("The X server did not start", how)
        return 0
