"""One desktop's life: start its X server, its bus and its session, notice their end, stop them all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jupyter_vnc import tasks
from jupyter_vnc.desktops.processes.cleanup import remove_desktop
from jupyter_vnc.desktops.processes.runtime_folder import AUTHORITY, SOCKET, Runtime
from jupyter_vnc.desktops.processes.tree import Exit, Tree
from jupyter_vnc.desktops.x11.display import Display
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import DesktopSpec, UnixAddress
from jupyter_vnc.model.targets import State
from jupyter_vnc.system.logs import Log, one_line

from . import launch, session
from .checks import check_doors, check_folder, check_session_folder, failure, server_failure
from .display_start import NO_DISPLAY, DisplayStart
from .session_run import VITAL, SessionRun
from .settings import Settings
from .sound import pulseaudio
from .sound.sound import STREAMER, Sound
from .video import video

#: Whose logs are a desktop's.
LOGGED: Final = (*VITAL, launch.FITTER, pulseaudio.NAME, STREAMER, video.NAME)

#: Seconds in which the end of an X server that has closed its connections is reported to us.
NEWS_DELAY: Final = 1.0

#: Seconds between the end of a session and our report of it.
JUDGEMENT_DELAY: Final = 0.2

#: How long (seconds) the programs of a start that failed get to end by themselves.
FAILED_GRACE: Final = 1.0


class Desktop:
    """A desktop of one user, running or not."""

    def __init__(self, user: str, name: str, runtime: Runtime, log: Log) -> None:
        self.user = user
        self.name = name
        self.state = State.STOPPED
        self.since = datetime.now(UTC)
        #: Why it is in this state, or what it is doing while it starts; empty when there is nothing to report.
        self.message = ""
        self._has_run = False
        #: Called when the desktop ended by itself.
        self.on_end: Callable[[Desktop], None] = lambda desktop: None
        #: Called with every change of its state.
        self.on_change: Callable[[Desktop], None] = lambda desktop: None
        self._runtime = runtime
        self._log = one_line(log)
        self._old_log = ""
        self._tree: Tree | None = None
        self._folder = Path()
        self.display = Display(f"{os.getuid()}/{user}/{name}")
        #: What the session's programs have, and how many programs were started beside them.
        self._environ: dict[str, str] = {}
        self._guests = 0
        #: Fits windows to the screen; waits for the end of what a session has left.
        self._fitting: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None
        #: What it is heard by.
        self.sound = Sound(self._log)
        #: What of it is seen as video.
        self.video = video.Video()

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def address(self) -> UnixAddress:
        """Where it listens while it is up."""
        return UnixAddress(str(self._folder / SOCKET))

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to open a window on it, and to be heard."""
        return self.display.variables(self._folder) | self.sound.variables

    @property
    def known(self) -> bool:
        """Whether it runs, or has run, or has failed to."""
        return self._has_run or self.state is not State.STOPPED

    @property
    def log_text(self) -> str:
        """The log of X server and session: of this run, or of the last one."""
        text = "".join(self._tree.log(name) for name in LOGGED) if self._tree is not None else ""
        return text or self._old_log

    def public(self) -> dict[str, Any]:
        """As the REST answer has it: one row of ``GET api/desktops``."""
        return {
            "name": self.name,
            "state": self.state.value,
            "since": self.since.isoformat(),
            "message": self.message,
        }

    def become(self, state: State, message: str = "") -> None:
        """Set the state; progress within the same state is not a change of it."""
        before, self.state = self.state, state
        self.message, self.since = message, datetime.now(UTC)
        if state is not before:
            try:
                self.on_change(self)
            except Exception:  # noqa: BLE001 - a listener may fail; the desktop has to end all the same
                self._log.exception("Desktop %s is %s, and a listener for this failed", self.name, state.value)

    # -- start ----------------------------------------------------------------------------------------------------

    def reserve(self, *, heard: bool = False) -> dict[str, str]:
        """Choose the display that it will have, and write its cookie; return what programs will need.

        They find the cookie once a process of ours listens on the display: see :func:`.xauthority.publish`.

        Args:
            heard: whether it will have sound, where that is installed.

        Raises:
            DesktopFailed: there is no display, the runtime folder cannot be written, or where X servers listen is not
                to be trusted.
        """
        self._make_folder(heard=heard)
        if not self.display.choose():
            raise DesktopFailed(NO_DISPLAY)
        self.display.reserve_cookie(self._folder)
        return self.environment

    async def start(self, spec: DesktopSpec, settings: Settings) -> None:
        """Start it, and wait until its X server answers and its session stays.

        Raises:
            DesktopFailed: it did not; nothing of it is left.
        """
        self.become(State.STARTING)
        self._old_log = ""
        try:
            async with asyncio.timeout(settings.start_timeout):
                await self._start(spec, settings)
        except TimeoutError:
            waited = f"within {settings.start_timeout:g} seconds"
            what = "X server did not answer" if self.message == "starting X" else "desktop was not ready"
            await self._fail(DesktopFailed(f"The {what} {waited}."))
        except DesktopFailed as error:
            await self._fail(error)
        except asyncio.CancelledError:
            await self._clear_away()
            self.become(State.STOPPED)
            raise
        except Exception:
            await self._clear_away()
            raise

    async def _clear_away(self) -> None:
        """Stop what has started; the folder is there before any program that would remove it."""
        await self.stop(FAILED_GRACE)
        if self._folder.is_absolute():  # else it was not even made
            await asyncio.to_thread(remove_desktop, self._folder)
        self.display.forget()

    async def _fail(self, error: DesktopFailed) -> None:
        await self._clear_away()
        self.become(State.DOWN, str(error))
        raise error

    async def _start(self, spec: DesktopSpec, settings: Settings) -> None:
        command = session.choose(spec)
        await tasks.in_thread(self._prepare, settings, command, spec)
        self.message = "starting X"
        self._tree = tree = await self._start_tree(settings)
        sound = self.sound.variables
        display = DisplayStart(tree, self.display, self._folder, self.name, spec, command, settings, self._log, sound)
        server, self._environ = await display.run()
        number, authority = self.display.number, self._folder / AUTHORITY
        run = SessionRun(tree, number, authority, command)
        tree.on_exit = lambda name, how: self._ended(tree, run, name)
        self.message = "starting session"
        self.sound.start(tree, settings.environ)  # programs may play at once; the first picture does not wait for it
        self.video.start(tree, number, authority, settings.environ, settings.video)
        # The kernel takes its time over its tables of sockets.
        await tasks.together(asyncio.to_thread(check_doors, server), run.start(self._environ, settings.home))
        await self._check_vital(tree, run)
        self._has_run = True
        self.become(State.UP)
        if tree.exited("session").done():
            self._wait_for_end(tree, run)
        rest = launch.furnish(tree, number, authority, settings, command, fit=spec.fullscreen, log=self._log)
        self._fitting = asyncio.create_task(rest, name=f"vnc-furnish-{self.name}")  # there is no need to wait for that

    async def _start_tree(self, settings: Settings) -> Tree:
        return await Tree.start(
            self._folder,
            lock=self._runtime.lock,
            claims=self.display.claims,
            marker=str(self._folder),
            environ=settings.environ,
        )

    async def _check_vital(self, tree: Tree, run: SessionRun) -> None:
        """Prove that what has to run does.

        Raises:
            DesktopFailed: it does not.
        """
        if (server := tree.exited("server")).done():
            raise server_failure("The desktop's X server ended at once", server.result())
        await run.check()

    def _prepare(self, settings: Settings, command: session.SessionCommand, spec: DesktopSpec) -> None:
        """Make the folder, choose a display, and fail early where a desktop would fail without a reason.

        Raises:
            DesktopFailed: the home folder or the runtime folder cannot be written, or where X servers listen is not to
                be trusted.
        """
        launch.check_home(settings.home)
        self._make_folder(heard=pulseaudio.wanted(spec, settings.variables))
        self.display.choose()
        if not command.alone:
            check_session_folder(self._log)

    def _make_folder(self, *, heard: bool) -> None:
        check_folder()
        self._folder = self._runtime.desktop_folder(self.user, self.name)
        self.sound.prepare(self._folder, wanted=heard)

    async def run(self, command: Sequence[str], folder: str, patience: float) -> Exit | None:
        """Start a program on the desktop, as its session would; it ends with the desktop.

        Returns:
            How it ended, if it did so within ``patience`` seconds.

        Raises:
            DesktopFailed: it cannot be started, or the desktop does not run.
        """
        if (tree := self._tree) is None or self.state is not State.UP:
            raise DesktopFailed("The desktop does not run.")
        self._guests += 1
        name = f"guest-{self._guests}"
        await tree.run(name, command, self._environ, folder=folder)
        ended, _ = await asyncio.wait([tree.exited(name)], timeout=patience)
        return ended.pop().result() if ended else None

    # -- end ------------------------------------------------------------------------------------------------------

    def _ended(self, tree: Tree, run: SessionRun, name: str) -> None:
        """A program exited. If it is the session, wait a moment: it may notice first that the X server crashed."""
        if name == "server":
            self._judge(tree, run)
        elif name == "session" and self.state is State.UP:
            self._wait_for_end(tree, run)

    def _wait_for_end(self, tree: Tree, run: SessionRun) -> None:
        self._waiting = asyncio.create_task(self._see_out(tree, run), name=f"vnc-session-{self.name}")

    async def _see_out(self, tree: Tree, run: SessionRun) -> None:
        await asyncio.sleep(JUDGEMENT_DELAY)
        await run.see_out()
        self._judge(tree, run)

    def _judge(self, tree: Tree, run: SessionRun) -> None:
        """Without X server or session the desktop has ended: report which one did, unless we stopped it ourselves."""
        if tree is not self._tree or self.state is not State.UP:
            return
        name = "server" if tree.exited("server").done() else "session"
        if name == "session" and run.ended_well:
            self.become(State.STOPPED, run.farewell((datetime.now(UTC) - self.since).total_seconds()))
        else:
            explain = server_failure if name == "server" else failure
            how = tree.exited(name).result()
            self.become(State.DOWN, str(explain(f"The desktop's {VITAL[name]} crashed", how)))
        self._log.info("Desktop %s of %s: %s", self.name, self.user, self.message)
        self.on_end(self)

    async def judged(self) -> None:
        """Wait until it is known whether it has ended, since a connection to it has: the event may come later."""
        if (tree := self._tree) is not None and self.state is State.UP:
            await asyncio.wait([tree.exited("server")], timeout=NEWS_DELAY)

    async def stop(self, grace: float) -> None:
        """Stop all of it: SIGTERM, ``grace`` seconds, SIGKILL. The caller sets the state.

        Idempotent; and where a caller was cancelled while it waited, the next one waits in its place.
        """
        self.sound.stop()
        self.video.stop()
        for task in (self._fitting, self._waiting):
            if task is not None:
                task.cancel()
        if (tree := self._tree) is not None:
            self._old_log = self.log_text
            await tree.stop(grace)
            self._tree = None
            self.display.forget()
