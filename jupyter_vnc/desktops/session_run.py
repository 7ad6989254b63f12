"""One run of a desktop's session: its first program, and what goes on when that has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.tree import Tree

from . import session_end
from .readiness import count_clients, settles
from .session import SessionCommand

#: What a desktop cannot be without, and what we call it.
VITAL: Final = {"server": "X server", "session": "session"}

#: A session that ends within so many seconds, before one of its programs is on the display, did not start.
SESSION_GRACE: Final = 0.25


class SessionRun:
    """A session that is started once, on a display whose X server answers.

    Args:
        tree: where it runs.
        display: the number of its display.
        authority: that display's X authority file.
        command: its first program.
    """

    def __init__(self, tree: Tree, display: int, authority: Path, command: SessionCommand) -> None:
        self._tree = tree
        self._display = display
        self._authority = authority
        self._command = command
        #: Whether it came to the display when it started.
        self._was_there = False
        #: Whether something of it went on when its first program had ended.
        self.went_on = False

    async def start(self, environ: Mapping[str, str], home: str) -> None:
        """Start its first program in the home folder; return when it is on the display, or has ended, or stays.

        Raises:
            DesktopFailed: it cannot be started.
        """
        clients = count_clients(self._display)
        await self._tree.run("session", self._command.command, environ, folder=home)
        await settles(self._display, clients, [self._tree.exited(name) for name in VITAL], SESSION_GRACE)
        self._was_there = count_clients(self._display) > clients

    async def check(self) -> None:
        """Prove that it runs, or goes on after its first program.

        Raises:
            DesktopFailed: it does not; the message explains why.
        """
        first, alone = self._tree.exited("session"), self._command.alone
        if not first.done():
            return
        goes_on = alone and await asyncio.to_thread(session_end.goes_on, self._tree, self._display, self._authority)
        if not goes_on:
            raise session_end.at_once(first.result(), alone=alone)

    async def see_out(self) -> None:
        """Wait until nothing is left of it, once its first program has ended; a desktop environment ends with that."""
        if self._command.alone and not self._tree.exited("server").done():
            self.went_on = await session_end.over(self._tree, self._display, self._authority)

    @property
    def ended_well(self) -> bool:
        """Whether its first program ended without an error, or something went on after it."""
        return self._tree.exited("session").result().status == 0 or self.went_on

    def farewell(self, seconds: float) -> str:
        """The sentence for its end after so many seconds."""
        unseen = self._command.alone and not (self._was_there or self.went_on)
        return session_end.farewell(seconds, unseen=unseen)
