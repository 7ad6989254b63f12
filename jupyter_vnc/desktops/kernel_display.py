"""The display of kernels and terminals: a managed desktop's, known before it runs and the same when it is back.

A cell that opens a window needs ``DISPLAY`` and ``XAUTHORITY`` when its kernel starts, and a desktop that nobody has
looked at yet does not run. So its display number and its cookie are chosen beforehand, and kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import Any, Final, Protocol

from jupyter_vnc import tasks
from jupyter_vnc.desktops.processes.runtime_folder import AUTHORITY, HELD_AUTHORITY
from jupyter_vnc.desktops.x11.lazy_display import LazyDisplay
from jupyter_vnc.exceptions import VNCError
from jupyter_vnc.model.addresses import DesktopSpec, UnixAddress
from jupyter_vnc.model.targets import State

from .readiness import SETTLING
from .x11 import xauthority

_GONE: Final = (State.STOPPED, State.DOWN)


class Manager(Protocol):
    """What is needed of the desktop manager."""

    log: Logger | LoggerAdapter[Any]

    async def ensure(self, user: str, name: str, spec: DesktopSpec) -> UnixAddress:
        """Start the desktop if it does not run."""

    async def reserve(self, user: str, name: str, spec: DesktopSpec) -> Mapping[str, str]:
        """Choose the display of a desktop that does not run, and write its cookie; nothing if it runs."""

    def state(self, user: str, name: str) -> State:
        """Return its state."""

    def environment(self, user: str, name: str) -> Mapping[str, str]:
        """Return what programs need to open a window on it while it is up."""


class KernelDisplay:
    """Keeps the display of one desktop for programs that the desktop did not start."""

    def __init__(
        self, manager: Manager, desktop: tuple[str, str, DesktopSpec], tell: Callable[[Mapping[str, str]], None]
    ) -> None:
        """Keep the display of ``desktop`` (user, name, how to start it); ``tell`` gets the variables for programs."""
        self._manager = manager
        self._user, self._name, self._spec = desktop
        self._tell = tell
        self._bell: LazyDisplay | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._arming: asyncio.Task[None] | None = None
        self._rings = False
        self._closed = False

    async def open(self, *, rings: bool) -> None:
        """Choose the display. ``rings``: the first window that is opened on it starts the desktop."""
        self._rings = rings
        await self._arm()
        if self._bell is not None:
            self._manager.log.info("Kernels and terminals get the display of the desktop %s", self._name)

    def start(self) -> None:
        """Start the desktop, and do not wait for it; why it does not start is logged."""
        self._spawn(self._answer())

    def changed(self, user: str, name: str, state: State) -> None:
        """Handle a change of a desktop's state, before anything else happens to it."""
        if self._closed or (user, name) != (self._user, self._name):
            return
        if state is State.STARTING and self._bell is not None:
            self._bell.make_way()
        elif state is State.UP:
            self._arrived()
        elif state in _GONE:
            self._arming = self._spawn(self._arm())

    async def settled(self) -> None:
        """Wait until the display of a desktop that was stopped is held again: the next window may come at once."""
        if self._arming is not None:
            await asyncio.wait([self._arming])

    async def close(self) -> None:
        """Leave no socket, no lock and no task."""
        self._closed = True
        self._drop_bell()
        await tasks.end(self._tasks)

    async def _arm(self) -> None:
        try:
            environment = await self._manager.reserve(self._user, self._name, self._spec)
        except VNCError as error:
            self._manager.log.warning("No display for kernels and terminals: %s", error.log_line)
            return
        if environment and not self._closed:
            self._tell(environment)
            if self._manager.state(self._user, self._name) in _GONE:
                self._hang(int(environment["DISPLAY"].removeprefix(":")), Path(environment["XAUTHORITY"]).parent)

    def _hang(self, display: int, folder: Path) -> None:
        self._drop_bell()
        try:
            self._bell = LazyDisplay(display, folder, rings=self._rings)
        except OSError as error:
            self._manager.log.warning("Display :%d cannot be held for kernels and terminals: %s", display, error)
            return
        if self._rings:
            xauthority.publish(folder / HELD_AUTHORITY, folder / AUTHORITY)
            self._bell.listen(self.start)

    def _arrived(self) -> None:
        environment = self._manager.environment(self._user, self._name)
        self._tell(environment)
        if self._bell is not None:
            bell, self._bell = self._bell, None
            self._spawn(_let_in(bell, int(environment["DISPLAY"].removeprefix(":"))))

    async def _answer(self) -> None:
        """Start the desktop for programs that connected; if it does not start, none is kept waiting."""
        try:
            await self._manager.ensure(self._user, self._name, self._spec)
        except VNCError as error:
            self._manager.log.warning("Desktop %s, for a window: %s", self._name, error.log_line)
            await self._arm()

    def _drop_bell(self) -> None:
        if self._bell is not None:
            self._bell.close()
            self._bell = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _let_in(bell: LazyDisplay, display: int) -> None:
    """Connect the programs that wait, once the desktop's start has ended."""
    try:
        await asyncio.sleep(SETTLING)
        bell.connect(display)
    finally:
        bell.close()
