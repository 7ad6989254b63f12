"""The desktop manager: every managed desktop of this server, started on demand and stopped with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

from jupyter_vnc.desktops.processes.runtime_folder import Runtime, places
from jupyter_vnc.exceptions import DesktopFailed, LimitExceeded, ServerStopping
from jupyter_vnc.model.addresses import DesktopSpec, UnixAddress
from jupyter_vnc.model.targets import State

from .desktop import Desktop
from .readiness import SETTLING
from .record import Entry
from .session import which
from .settings import DesktopSettings, Settings
from .sound import pulseaudio
from .sound.sound import Link

Rows = list[dict[str, Any]]

#: How long (seconds) an application may take to say that it does not open a file.
OPEN_PATIENCE = 3.0

#: Seconds between two looks for idle desktops, at most.
_ROUND = 60.0


class DesktopManager(DesktopSettings):
    """Starts desktops on demand, restarts and stops them, and leaves nothing behind."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._entries: dict[tuple[str, str], Entry] = {}
        self._runtime = Runtime(places(jupyter_runtime_dir()))
        self._ending: set[asyncio.Task[None]] = set()
        self._rounds: asyncio.Task[None] | None = None
        self._closed = False
        #: What the server was started with that speaks of a sound server; kernels keep it.
        self.own_sound = pulseaudio.own(os.environ)
        self._told_of_sound = False
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
        entry = self._entries.get((user, name))
        return entry.desktop.environment if entry and entry.desktop.state is State.UP else {}

    def log_text(self, user: str, name: str) -> str:
        """Return the end of the log of a desktop's X server and session: of this run, or of the last."""
        entry = self._entries.get((user, name))
        return entry.desktop.log_text if entry else ""

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
            return await asyncio.to_thread(entry.desktop.reserve, heard=pulseaudio.wanted(spec, self.variables))

    def has_sound(self, user: str, name: str, spec: DesktopSpec) -> bool:
        """Whether a desktop that is up has sound; of another, whether it will have if it starts like this one."""
        entry = self._entries.get((user, name))
        if entry is not None and entry.desktop.state is State.UP:
            return entry.desktop.sound.there
        return pulseaudio.wanted(spec, self.variables) and not pulseaudio.lack()

    async def listen(self, user: str, name: str) -> Link:
        """Connect to what brings the sound of a desktop that is up; see :mod:`.sound.messages` for what it sends.

        Raises:
            DesktopFailed: it has no sound, or does not run.
        """
        if (entry := self._entries.get((user, name))) is None or entry.desktop.state is not State.UP:
            raise DesktopFailed("The desktop does not run.")
        return await entry.desktop.sound.listen()

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
        self._check_failures(entry)
        self._check_room(entry)
        entry.desktop.become(State.STARTING)
        entry.starting = asyncio.create_task(self._start(entry, spec), name=f"vnc-desktop-{entry.desktop.name}")
        entry.starting.add_done_callback(lambda task: self._began(entry, task))

    def _check_failures(self, entry: Entry) -> None:
        if entry.failures >= self.crash_limit:
            said = f"This desktop failed {entry.failures} times. Start it again by hand. {entry.desktop.message}"
            raise DesktopFailed(said.strip())

    def _check_room(self, entry: Entry) -> None:
        busy = {State.UP.value, State.STARTING.value}
        others = [row for row in self.list(entry.desktop.user) if row["name"] != entry.desktop.name]
        running = sum(row["state"] in busy for row in others)
        if self.max_desktops and running >= self.max_desktops:
            raise LimitExceeded(f"You have {running} running desktops, the limit. Stop one first.")

    async def _start(self, entry: Entry, spec: DesktopSpec) -> None:
        desktop = entry.desktop
        async with entry.lock:
            try:
                settings = self._settings()
                await self._keep_house()
                self._tell_of_sound(pulseaudio.wanted(spec, self.variables))
                await desktop.start(spec, settings)
            except DesktopFailed as error:
                desktop.become(State.DOWN, str(error))
                self.log.warning("Desktop %s did not start: %s", desktop.name, error.log_line)
                raise

    def _settings(self) -> Settings:
        if self.server is None:
            raise DesktopFailed(self.advice)
        return Settings(
            self.server,
            self.start_timeout,
            self.screen_lock,
            self.variables,
            self.secret_variables,
            self.own_sound,
        )

    def _tell_of_sound(self, wanted: bool) -> None:
        """Say once why desktops have no sound."""
        if wanted and not self._told_of_sound and (lack := pulseaudio.lack()):
            self._told_of_sound = True
            self.log.info("%s `jupyter vnc doctor` says what to do", lack)

    def _began(self, entry: Entry, task: asyncio.Task[None]) -> None:
        entry.starting = None
        if task.cancelled():
            entry.desktop.become(State.STOPPED)
        elif task.exception() is not None:
            entry.note_failure()

    async def settle(self, user: str, name: str) -> None:
        """Wait until a desktop that is up takes windows; a viewer need not wait for that."""
        if (entry := self._entries.get((user, name))) is not None and entry.desktop.state is State.UP:
            age = (datetime.now(UTC) - entry.desktop.since).total_seconds()
            await asyncio.sleep(max(0.0, SETTLING - age))

    async def open_file(self, user: str, name: str, spec: DesktopSpec, file: Path) -> None:
        """Open a file with the application that the desktop has for it; start the desktop first if it is not up.

        Raises:
            DesktopFailed: there is no such application, or the desktop did not start.
            LimitExceeded: the user has as many running desktops as may be.
            ServerStopping: the manager is closed.
        """
        if (opener := which("xdg-open")) is None:
            raise DesktopFailed("Files cannot be opened on a desktop: xdg-open (xdg-utils) is not installed.")
        await self.ensure(user, name, spec)
        await self.settle(user, name)
        desktop = self._entries[user, name].desktop
        how = await desktop.run([opener, str(file)], str(file.parent), OPEN_PATIENCE)
        if how is not None and how.status:
            raise DesktopFailed(f"No application of the desktop opens {file.name}.", detail=how.last_line)

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
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.wait([self._rounds])
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
        return await asyncio.to_thread(self._runtime.sweep)

    async def _keep_house(self) -> None:
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._go_rounds(), name="vnc-desktop-rounds")
            await self.sweep()

    async def _go_rounds(self) -> None:
        while True:
            await asyncio.sleep(min(_ROUND, self.cull_idle_timeout / 2 or _ROUND))
            self._runtime.touch()
            for entry in tuple(self._entries.values()):
                if self.cull_idle_timeout and entry.is_idle(self.cull_idle_timeout):
                    self.log.info("Stopping desktop %s: idle without a viewer", entry.desktop.name)
                    await self._stop(entry, "The desktop was idle without a viewer, so it was stopped.")
