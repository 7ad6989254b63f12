"""The desktop manager: every managed desktop of this server, started on demand and stopped with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir
from traitlets import Dict, Float, Int, Unicode
from traitlets.config import LoggingConfigurable

from jupyter_vnc.exceptions import DesktopFailed, LimitExceeded, ServerStopping
from jupyter_vnc.targets import DesktopSpec, State, UnixAddress

from .desktop import Desktop, Progress, Settings
from .runtime import Runtime, places
from .xvnc import CANDIDATES, XServer, find

Key = tuple[str, str]
Rows = list[dict[str, Any]]


class _Entry:
    """A desktop with what the manager knows of its use."""

    def __init__(self, desktop: Desktop) -> None:
        self.desktop = desktop
        self.lock = asyncio.Lock()
        self.starting: asyncio.Task[None] | None = None
        self.listeners: list[Progress] = []
        self.crashes: list[float] = []
        self.viewers = 0
        self.last_use = time.monotonic()

    def tell(self, text: str) -> None:
        for listener in self.listeners:
            listener(text)


class DesktopManager(LoggingConfigurable):
    """Starts desktops on demand, restarts and stops them, and leaves nothing behind."""

    xserver = Unicode(
        help="""The X server with VNC: a path or a name on PATH. Default: empty, the first that is installed of
        Xtigervnc, Xvnc (TigerVNC 1.11 or later, TurboVNC 3.1 or later). Set it when several are installed.
        """,
    ).tag(config=True)

    start_timeout = Float(
        30.0,
        min=1.0,
        help="""Seconds that a desktop may take to start. Default 30. Raise it where homes or programs are on a slow
        network disk.
        """,
    ).tag(config=True)

    stop_timeout = Float(
        10.0,
        min=0.0,
        help="""Seconds that a desktop's programs get to end by themselves before they are killed. Default 10. Raise it
        if programs need longer to save their work.
        """,
    ).tag(config=True)

    cull_idle_timeout = Float(
        0.0,
        min=0.0,
        help="""Seconds without a viewer and without input after which a desktop is stopped. Default 0: never; the
        desktop stays until the server stops. Set it where idle desktops take memory from others.
        """,
    ).tag(config=True)

    max_desktops = Int(
        4,
        min=0,
        help="""Running desktops per user. Default 4; 0 for no limit. Each takes about 100 MB with a small session.""",
    ).tag(config=True)

    crash_limit = Int(
        3,
        min=1,
        help="""How often in ten minutes a desktop may crash and still be started again by a viewer that comes back.
        Default 3. After that it starts only when somebody asks for a restart.
        """,
    ).tag(config=True)

    environment_variables = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="""Variables for the programs of every desktop, added to the server's own. Default: none. For example
        ``{"LANG": "de_DE.UTF-8"}`` on a machine whose service manager sets no language.
        """,
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._entries: dict[Key, _Entry] = {}
        self._runtime = Runtime(places(jupyter_runtime_dir()))
        self._ending: set[asyncio.Task[None]] = set()
        self._culler: asyncio.Task[None] | None = None
        self._closed = False
        #: Called with user and name when a desktop's X server or session ends.
        self.on_exit: Callable[[str, str], None] | None = None

    # -- what is there --------------------------------------------------------------------------------------------

    @cached_property
    def server(self) -> XServer | None:
        """The X server that desktops get, or None if none is installed."""
        return find([self.xserver] if self.xserver else CANDIDATES)

    @property
    def available(self) -> bool:
        """Whether desktops can be started here."""
        return self.server is not None

    @property
    def advice(self) -> str:
        """What to do if no desktop can be started; empty when one can."""
        if self.available:
            return ""
        if self.xserver:
            return f"DesktopManager.xserver names {self.xserver!r}, which is no usable TigerVNC or TurboVNC."
        return (
            "No X server with VNC is installed: run `apt-get install tigervnc-standalone-server` "
            "(or `dnf install tigervnc-server-minimal`) as an administrator."
        )

    def state(self, user: str, name: str) -> State:
        """Say what is known of a desktop: starting, up, stopped (never started, logged out) or down (failed)."""
        entry = self._entries.get((user, name))
        return entry.desktop.state if entry else State.STOPPED

    def list(self, user: str) -> Rows:
        """List the user's desktops that are running or were: the rows of ``GET api/desktops``."""
        return [entry.desktop.public() for (owner, _), entry in self._entries.items() if owner == user]

    def environment(self, user: str, name: str) -> dict[str, str]:
        """Return what a program needs to open a window on a desktop; empty if it is not up."""
        entry = self._entries.get((user, name))
        return entry.desktop.environment if entry and entry.desktop.state is State.UP else {}

    def socket_generation(self, user: str, name: str) -> str:
        """Return a word that changes with every start of a desktop; empty before the first."""
        entry = self._entries.get((user, name))
        return entry.desktop.generation if entry else ""

    def log_text(self, user: str, name: str) -> str:
        """Return the log of a desktop's X server and session: of the running one, or of the last that ended."""
        entry = self._entries.get((user, name))
        return entry.desktop.log_text if entry else ""

    # -- start ----------------------------------------------------------------------------------------------------

    async def ensure(self, user: str, name: str, spec: DesktopSpec, progress: Progress | None = None) -> UnixAddress:
        """Return where a desktop listens; start it first if it is not up. Calls at the same time share one start.

        Args:
            user: whose desktop.
            name: the target's name.
            spec: how to start it.
            progress: called with a few words ("starting X") as the start goes on.

        Raises:
            DesktopFailed: it did not start, or crashed too often.
            LimitExceeded: the user has as many desktops as may run.
            ServerStopping: the manager is closed.
        """
        entry = self._entry(user, name)
        if progress is not None:
            entry.listeners.append(progress)
        try:
            await self._ensure(entry, spec)
        finally:
            if progress is not None:
                entry.listeners.remove(progress)
        entry.last_use = time.monotonic()
        return entry.desktop.address

    async def _ensure(self, entry: _Entry, spec: DesktopSpec) -> None:
        if entry.starting is None:
            if entry.desktop.state is State.UP:
                return
            self._check_crashes(entry)
            self._begin(entry, spec)
        assert entry.starting is not None  # noqa: S101 - set by _begin
        await asyncio.shield(entry.starting)

    def _begin(self, entry: _Entry, spec: DesktopSpec) -> None:
        self._check_room(entry)
        entry.starting = asyncio.create_task(self._start(entry, spec), name=f"vnc-desktop-{entry.desktop.name}")
        entry.starting.add_done_callback(lambda task: self._started(entry, task))

    def _started(self, entry: _Entry, task: asyncio.Task[None]) -> None:
        entry.starting = None
        if not task.cancelled() and task.exception() is not None:
            self._note_crash(entry)

    async def _start(self, entry: _Entry, spec: DesktopSpec) -> None:
        if self.server is None:
            raise DesktopFailed(self.advice)
        settings = Settings(self.server, self.start_timeout, self.stop_timeout, self.environment_variables)
        async with entry.lock:
            await asyncio.to_thread(self._runtime.sweep)
            self._start_culling()
            try:
                await entry.desktop.start(spec, settings, entry.tell)
            except DesktopFailed as error:
                self.log.warning("Desktop %s did not start: %s", entry.desktop.name, error.log_line)
                raise

    def _entry(self, user: str, name: str) -> _Entry:
        if self._closed:
            raise ServerStopping
        if (user, name) not in self._entries:
            desktop = Desktop(user, name, self._runtime, self.log)
            desktop.on_end = self._desktop_ended
            self._entries[user, name] = _Entry(desktop)
        return self._entries[user, name]

    def _check_room(self, entry: _Entry) -> None:
        busy = (State.UP, State.STARTING)
        running = [
            other
            for (user, _), other in self._entries.items()
            if user == entry.desktop.user and other is not entry and other.desktop.state in busy
        ]
        if self.max_desktops and len(running) >= self.max_desktops:
            raise LimitExceeded(f"You have {len(running)} running desktops, the limit: stop one first.")

    # -- crashes --------------------------------------------------------------------------------------------------

    def _note_crash(self, entry: _Entry) -> None:
        now = time.monotonic()
        entry.crashes = [when for when in entry.crashes if now - when < 600.0] + [now]

    def _check_crashes(self, entry: _Entry) -> None:
        self_heals = [when for when in entry.crashes if time.monotonic() - when < 600.0]
        if len(self_heals) >= self.crash_limit:
            raise DesktopFailed(
                f"This desktop failed {len(self_heals)} times: restart it yourself. {entry.desktop.message}"
            )

    def _desktop_ended(self, desktop: Desktop) -> None:
        entry = self._entries[desktop.user, desktop.name]
        if desktop.state is State.DOWN:
            self._note_crash(entry)
        task = asyncio.ensure_future(self._clear(entry))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        if self.on_exit is not None:
            self.on_exit(desktop.user, desktop.name)

    async def _clear(self, entry: _Entry) -> None:
        async with entry.lock:
            await entry.desktop.stop(self.stop_timeout)

    # -- stop -----------------------------------------------------------------------------------------------------

    async def stop(self, user: str, name: str) -> None:
        """Stop a desktop with all its programs; one that does not run stays as it is."""
        if (entry := self._entries.get((user, name))) is not None:
            await self._stop(entry)

    async def _stop(self, entry: _Entry) -> None:
        if entry.starting is not None:
            entry.starting.cancel()
            await asyncio.wait([entry.starting])
        async with entry.lock:
            was_up = entry.desktop.state is State.UP
            await entry.desktop.stop(self.stop_timeout)
            entry.desktop.stopped()
        if was_up and self.on_exit is not None:
            self.on_exit(entry.desktop.user, entry.desktop.name)

    async def restart(self, user: str, name: str, spec: DesktopSpec) -> UnixAddress:
        """Stop a desktop if it runs and start it, however often it crashed before; return where it listens.

        Raises:
            DesktopFailed: it did not start.
        """
        await self.stop(user, name)
        self._entry(user, name).crashes.clear()
        return await self.ensure(user, name, spec)

    async def close(self) -> None:
        """Stop all desktops and remove the runtime folder; nothing can be started afterwards."""
        self._closed = True
        if self._culler is not None:
            self._culler.cancel()
            await asyncio.wait([self._culler])
        await asyncio.gather(*(self._stop(entry) for entry in self._entries.values()))
        if self._ending:
            await asyncio.wait(self._ending)
        await asyncio.to_thread(self._runtime.close)

    # -- use ------------------------------------------------------------------------------------------------------

    def attach(self, user: str, name: str) -> None:
        """Count a viewer."""
        if (entry := self._entries.get((user, name))) is not None:
            entry.viewers += 1

    def detach(self, user: str, name: str) -> None:
        """Count a viewer less; the idle time begins."""
        if (entry := self._entries.get((user, name))) is not None:
            entry.viewers = max(0, entry.viewers - 1)
            entry.last_use = time.monotonic()

    def touch(self, user: str, name: str) -> None:
        """Note that somebody used a desktop: key, pointer or clipboard."""
        if (entry := self._entries.get((user, name))) is not None:
            entry.last_use = time.monotonic()

    def _start_culling(self) -> None:
        if self._culler is None:
            self._culler = asyncio.create_task(self._cull(), name="vnc-desktop-culler")

    async def _cull(self) -> None:
        while True:
            await asyncio.sleep(min(60.0, self.cull_idle_timeout / 2 or 60.0))
            self._runtime.touch()
            for entry in self._idle():
                self.log.info("Stopping idle desktop %s", entry.desktop.name)
                await self._stop(entry)

    def _idle(self) -> tuple[_Entry, ...]:
        oldest = time.monotonic() - self.cull_idle_timeout
        return tuple(
            entry
            for entry in self._entries.values()
            if self.cull_idle_timeout and not entry.viewers and entry.last_use < oldest
            if entry.desktop.state is State.UP
        )
