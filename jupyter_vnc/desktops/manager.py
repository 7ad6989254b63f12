"""The desktop manager: every managed desktop of this server, started on demand and stopped with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

from jupyter_vnc.desktops.processes.runtime_folder import Runtime, places
from jupyter_vnc.exceptions import DesktopFailed, ServerStopping
from jupyter_vnc.model.addresses import DesktopSpec, UnixAddress
from jupyter_vnc.model.targets import State

from . import files
from .desktop import Desktop
from .housekeeping import Housekeeping
from .readiness import SETTLING
from .record import Entry, check_room
from .settings import DesktopSettings
from .sound.policy import SoundPolicy
from .sound.sound import Link
from .video import video

Rows = list[dict[str, Any]]


class DesktopManager(DesktopSettings):
    """Starts desktops on demand, restarts and stops them, and leaves nothing behind."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._entries: dict[tuple[str, str], Entry] = {}
        self._runtime = Runtime(places(jupyter_runtime_dir()))
        self._ending: set[asyncio.Task[None]] = set()
        self._house = Housekeeping(self._runtime, lambda: self.cull_idle_timeout, self._stop_idle)
        self._sound = SoundPolicy(self.variables, self.log)
        self._closed = False
        #: Called with user and name when a desktop ends, by itself or because it was stopped.
        self.on_exit: Callable[[str, str], None] | None = None
        #: Called with user, name and state whenever a desktop's state changes.
        self.on_change: Callable[[str, str, State], None] = lambda user, name, state: None

    # -- what is there --------------------------------------------------------------------------------------------

    def state(self, user: str, name: str) -> State:
        """Return the state of a desktop: up, starting, stopped (or never started), or down (it failed)."""
        entry = self._entries.get((user, name))
        return entry.desktop.state if entry else State.STOPPED

    def list(self, user: str) -> Rows:
        """List the user's desktops that are running or were: the rows of ``GET api/desktops``."""
        found = [entry.desktop for (owner, _), entry in self._entries.items() if owner == user]
        return [desktop.public() for desktop in found if desktop.known]

    def environment(self, user: str, name: str) -> dict[str, str]:
        """Return what a program needs to open a window on a desktop; empty if it is not up."""
        desktop = self._up(user, name)
        return desktop.environment if desktop is not None else {}

    def log_text(self, user: str, name: str) -> str:
        """Return the end of the log of a desktop's X server and session: of this run, or of the last."""
        entry = self._entries.get((user, name))
        return entry.desktop.log_text if entry else ""

    def _up(self, user: str, name: str) -> Desktop | None:
        entry = self._entries.get((user, name))
        return entry.desktop if entry is not None and entry.desktop.state is State.UP else None

    # -- start ----------------------------------------------------------------------------------------------------

    async def ensure(self, user: str, name: str, spec: DesktopSpec) -> UnixAddress:
        """Return where a desktop listens; start it first if it is not up. Calls at the same time share one start.

        Args:
            user: whose desktop.
            name: the target's name.
            spec: how to start it.

        Raises:
            DesktopFailed: it did not start, or has failed too often.
            LimitExceeded: the user has as many running desktops as may be.
            ServerStopping: the manager is closed.
        """
        entry = self._entry(user, name)
        if entry.starting is None and entry.desktop.state is not State.UP:
            self._begin(entry, spec)
        await entry.started()
        entry.touch()
        return entry.desktop.address

    async def reserve(self, user: str, name: str, spec: DesktopSpec = DesktopSpec()) -> dict[str, str]:  # noqa: B008
        """Choose the display of a desktop that does not run, and write its cookie.

        Args:
            user: whose desktop.
            name: the target's name.
            spec: how it will be started.

        Returns:
            What programs will need to open a window on it; nothing if it runs.

        Raises:
            DesktopFailed: it cannot be done; the message explains why.
            ServerStopping: the manager is closed.
        """
        entry = self._entry(user, name)
        async with entry.lock:
            if entry.starting is not None or entry.desktop.state in {State.UP, State.STARTING}:
                return {}
            await entry.desktop.stop(self.stop_timeout)  # it may have crashed just now
            return await asyncio.to_thread(entry.desktop.reserve, heard=self._sound.wanted(spec))

    def has_sound(self, user: str, name: str, spec: DesktopSpec) -> bool:
        """Whether a desktop that is up has sound; of another, whether it will have if it starts like this one."""
        desktop = self._up(user, name)
        return self._sound.has(spec, None if desktop is None else desktop.sound)

    @property
    def own_sound(self) -> Mapping[str, str]:
        """The variables that name the sound server with which the server was started; kernels keep it."""
        return self._sound.own

    async def listen(self, user: str, name: str) -> Link:
        """Connect to what brings the sound of a desktop that is up; see :mod:`.sound.messages` for what it sends.

        Raises:
            DesktopFailed: it has no sound, or does not run.
        """
        if (desktop := self._up(user, name)) is None:
            raise DesktopFailed("The desktop does not run.")
        return await desktop.sound.listen()

    def has_video(self, spec: DesktopSpec) -> bool:
        """Whether what moves on a desktop that is started like this one can be seen as video."""
        return spec.video and video.has_library()

    async def watch(self, user: str, name: str) -> Link:
        """Connect to what brings the video of a desktop that is up; see :mod:`.video.messages` for what it sends.

        Raises:
            DesktopFailed: it has no video, or does not run.
        """
        if (desktop := self._up(user, name)) is None:
            raise DesktopFailed("The desktop does not run.")
        return await desktop.video.watch()

    def _entry(self, user: str, name: str) -> Entry:
        if self._closed:
            raise ServerStopping
        if (user, name) not in self._entries:
            desktop = Desktop(user, name, self._runtime, self.log)
            desktop.on_end = self._ended_by_itself
            desktop.on_change = lambda desktop: self.on_change(desktop.user, desktop.name, desktop.state)
            self._entries[user, name] = Entry(desktop)
        return self._entries[user, name]

    def _begin(self, entry: Entry, spec: DesktopSpec) -> None:
        entry.check_failures(self.crash_limit)
        users = (other for (user, _), other in self._entries.items() if user == entry.desktop.user)
        check_room([other.desktop for other in users if other is not entry], self.max_desktops)
        entry.desktop.become(State.STARTING)
        entry.starting = asyncio.create_task(self._start(entry, spec), name=f"vnc-desktop-{entry.desktop.name}")
        entry.starting.add_done_callback(lambda task: self._began(entry, task))

    async def _start(self, entry: Entry, spec: DesktopSpec) -> None:
        desktop = entry.desktop
        async with entry.lock:
            try:
                settings = self.for_desktops(self._sound.own)
                await self._house.begin()
                self._sound.tell_lack(spec)
                await desktop.start(spec, settings)
            except DesktopFailed as error:
                desktop.become(State.DOWN, str(error))
                self.log.warning("Desktop %s did not start: %s", desktop.name, error.log_line)
                raise

    def _began(self, entry: Entry, task: asyncio.Task[None]) -> None:
        entry.starting = None
        if task.cancelled():
            entry.desktop.become(State.STOPPED)
        elif task.exception() is not None:
            entry.note_failure()

    async def settle(self, user: str, name: str) -> None:
        """Wait until a desktop that is up takes windows; a viewer need not wait for that."""
        if (desktop := self._up(user, name)) is not None:
            age = (datetime.now(UTC) - desktop.since).total_seconds()
            await asyncio.sleep(max(0.0, SETTLING - age))

    async def open_file(self, user: str, name: str, spec: DesktopSpec, file: Path) -> None:
        """Open a file with the application that the desktop has for it; start the desktop first if it is not up.

        Raises:
            DesktopFailed: there is no such application, or the desktop did not start.
            LimitExceeded: the user has as many running desktops as may be.
            ServerStopping: the manager is closed.
        """
        opener = files.opener()
        await self.ensure(user, name, spec)
        await self.settle(user, name)
        await files.open_on(self._entries[user, name].desktop, opener, file)

    # -- end ------------------------------------------------------------------------------------------------------

    async def ending(self, user: str, name: str) -> tuple[State, str]:
        """Return the state of a desktop that has closed a connection, and why; it may be the first sign of its end."""
        if (entry := self._entries.get((user, name))) is None:
            return State.STOPPED, ""
        await entry.desktop.judged()
        return entry.desktop.state, entry.desktop.message

    def _ended_by_itself(self, desktop: Desktop) -> None:
        """Clean up what is left of a desktop whose X server or session exited."""
        entry = self._entries[desktop.user, desktop.name]
        if desktop.state is State.DOWN:
            entry.note_failure()
        task = asyncio.ensure_future(self._put_away(entry))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._tell_exit(desktop)

    async def _put_away(self, entry: Entry) -> None:
        async with entry.lock:
            await entry.desktop.stop(self.stop_timeout)

    def _tell_exit(self, desktop: Desktop) -> None:
        if self.on_exit is not None:
            self.on_exit(desktop.user, desktop.name)

    async def stop(self, user: str, name: str) -> None:
        """Stop a desktop with all its programs; one that does not run stays as it is."""
        if (entry := self._entries.get((user, name))) is not None:
            await self._stop(entry)

    async def _stop(self, entry: Entry, why: str = "") -> None:
        await entry.cancel_start()
        async with entry.lock:
            was_up = entry.desktop.state is State.UP
            if was_up:
                entry.desktop.become(State.STOPPED, why)
            await entry.desktop.stop(self.stop_timeout)
        if was_up:
            self._tell_exit(entry.desktop)

    def forgive(self, user: str, name: str) -> None:
        """Forget how often a desktop failed: a person asks for another try."""
        if (entry := self._entries.get((user, name))) is not None:
            entry.forgive()

    async def restart(self, user: str, name: str, spec: DesktopSpec) -> UnixAddress:
        """Stop a desktop if it runs and start it, however often it failed before; return where it listens.

        Raises:
            DesktopFailed: it did not start.
            LimitExceeded: the user has as many running desktops as may be.
            ServerStopping: the manager is closed.
        """
        entry = self._entry(user, name)
        await self._stop(entry)
        entry.forgive()
        return await self.ensure(user, name, spec)

    async def close(self) -> None:
        """Stop all desktops and remove the runtime folder; nothing can be started afterwards."""
        self._closed = True
        await self._house.close()
        how = await asyncio.gather(*(self._stop(entry) for entry in self._entries.values()), return_exceptions=True)
        for error in how:
            if error is not None:  # the others, and the folder, go all the same
                self.log.error("A desktop could not be stopped cleanly", exc_info=error)
        if self._ending:
            await asyncio.wait(self._ending)
        for entry in self._entries.values():
            entry.desktop.display.forget()
        await asyncio.to_thread(self._runtime.close)

    # -- use ------------------------------------------------------------------------------------------------------

    def attach(self, user: str, name: str) -> None:
        """Count a viewer: a desktop with a viewer is not idle."""
        if (entry := self._entries.get((user, name))) is not None:
            entry.viewers += 1

    def detach(self, user: str, name: str) -> None:
        """Stop counting a viewer; without any, the idle time begins."""
        if (entry := self._entries.get((user, name))) is not None:
            entry.viewers = max(0, entry.viewers - 1)
            entry.touch()

    def touch(self, user: str, name: str) -> None:
        """Note that somebody used a desktop: key, pointer or clipboard."""
        if (entry := self._entries.get((user, name))) is not None:
            entry.touch()

    async def sweep(self) -> int:
        """Remove what servers that were killed left behind; return how many of them. Done before the first start."""
        return await self._house.sweep()

    async def _stop_idle(self) -> None:
        for entry in tuple(self._entries.values()):
            if self.cull_idle_timeout and entry.is_idle(self.cull_idle_timeout):
                self.log.info("Stopping desktop %s: idle without a viewer", entry.desktop.name)
                await self._stop(entry, "The desktop was idle without a viewer, so it was stopped.")
