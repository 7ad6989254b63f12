"""One desktop's life: start its X server, its bus and its session, notice their end, stop them all."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.exceptions import DesktopFailed, quote_remote
from jupyter_vnc.targets import DesktopSpec, State, UnixAddress

from . import session, sockets, xauthority, xvnc
from .process import Exit, Tree
from .runtime import AUTHORITY, SOCKET, Runtime, record_server

Progress = Callable[[str], None]

#: X displays that we use: above those of machines' own screens, of SSH and of other tools that start at 0 or 10.
DISPLAYS: Final = range(100, 1000)
DISPLAY_ATTEMPTS: Final = 20

#: A session that ends within so many seconds did not start.
SESSION_GRACE: Final = 0.25
BUS_TIMEOUT: Final = 2.0
POLL: Final = 0.01
#: How long the programs of a start that failed get to end by themselves.
FAILED_GRACE: Final = 1.0

RFB_GREETING: Final = b"RFB 003."
RFB_GREETING_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Settings:
    """What all desktops of a server have in common. Times in seconds."""

    server: xvnc.XServer
    start_timeout: float
    stop_timeout: float
    environ: Mapping[str, str] = field(default_factory=dict)


class Desktop:
    """A desktop of one user, running or not."""

    def __init__(self, user: str, name: str, runtime: Runtime, log: logging.Logger) -> None:
        self.user = user
        self.name = name
        self._runtime = runtime
        self._log = log
        self._tree: Tree | None = None
        self._folder = Path()
        self._display = 0
        self._stopping = False
        self.state = State.STOPPED
        self.since = datetime.now(UTC)
        self.message = ""
        self.log_text = ""
        #: Changes with every start.
        self.generation = ""
        #: Called when the desktop ended by itself.
        self.on_end: Callable[[Desktop], None] = lambda desktop: None

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def address(self) -> UnixAddress:
        """Where it listens while it is up."""
        return UnixAddress(str(self._folder / SOCKET))

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to open a window on it."""
        return {"DISPLAY": f":{self._display}", "XAUTHORITY": str(self._folder / AUTHORITY)}

    def public(self) -> dict[str, Any]:
        """As the REST answer has it: one row of ``GET api/desktops``."""
        return {
            "name": self.name,
            "state": self.state.value,
            "since": self.since.isoformat(),
            "message": self.message,
        }

    def _become(self, state: State, message: str = "") -> None:
        self.state, self.message, self.since = state, message, datetime.now(UTC)

    # -- start ----------------------------------------------------------------------------------------------------

    async def start(self, spec: DesktopSpec, settings: Settings, progress: Progress) -> None:
        """Start it and wait until its X server answers and its session stays.

        Raises:
            DesktopFailed: it did not; nothing of it is left.
        """
        self._become(State.STARTING)
        self._stopping = False
        try:
            async with asyncio.timeout(settings.start_timeout):
                await self._start(spec, settings, progress)
        except TimeoutError:
            said = f"It did not get ready within {settings.start_timeout:g} seconds ({self.message})."
            await self._fail(DesktopFailed(said))
        except DesktopFailed as error:
            await self._fail(error)
        except asyncio.CancelledError:
            await self.stop(FAILED_GRACE)
            raise
        else:
            self.generation = secrets.token_hex(8)
            self._become(State.UP)

    async def _fail(self, error: DesktopFailed) -> None:
        await self.stop(FAILED_GRACE)
        self._become(State.DOWN, str(error))
        raise error

    async def _start(self, spec: DesktopSpec, settings: Settings, progress: Progress) -> None:
        def stage(text: str) -> None:
            self.message = text
            progress(text)

        command = session.choose(spec)
        home = settings.environ.get("HOME") or str(Path.home())
        _check_home(home)
        self._prepare()
        stage("starting X")
        marker = str(self._folder)
        self._tree = tree = await Tree.start(self._folder, lock=self._runtime.lock, marker=marker)
        await self._start_server(tree, spec, settings)
        stage("starting session")
        environ = session.environment(os.environ, command, self.environment, settings.environ)
        await self._start_session(tree, command, self._with_runtime_dir(environ), home)
        tree.on_exit = self._ended

    def _prepare(self) -> None:
        self._folder = self._runtime.desktop_folder(self.user, self.name)
        try:
            xauthority.write(self._folder / AUTHORITY)
        except OSError as error:
            raise DesktopFailed(
                f"The desktop's runtime folder cannot be written: {error.strerror}.", detail=str(error)
            ) from error

    async def _start_server(self, tree: Tree, spec: DesktopSpec, settings: Settings) -> None:
        for display in _free_displays(f"{os.getuid()}/{self.user}/{self.name}"):
            self._display = display
            where = xvnc.Listening(display, self._folder / SOCKET, self._folder / AUTHORITY)
            command = xvnc.arguments(settings.server, spec, where, title=self.name)
            pid = await tree.run("server", command, xvnc.environment(os.environ), last=True, display=display)
            with suppress(OSError):
                record_server(self._folder, display, pid)
            how = await _answer_or_exit(where.socket, tree.exited("server"))
            if how is None:
                self._check_doors(pid)
                return
            if not _is_taken(display):
                raise DesktopFailed(_with_last_line("The X server did not start", how), detail=how.tail)
        raise DesktopFailed("No X display number is free on this machine.")

    def _check_doors(self, pid: int) -> None:
        """Prove that nobody else can reach the X server.

        Raises:
            DesktopFailed: somebody could, or it cannot be told.
        """
        try:
            doors = sockets.open_doors(pid)
        except OSError as error:
            raise DesktopFailed("It cannot be verified that the desktop is private.", detail=str(error)) from error
        if doors:
            raise DesktopFailed("The X server opened a way in for others, so it was stopped.", detail=", ".join(doors))

    def _with_runtime_dir(self, environ: dict[str, str]) -> dict[str, str]:
        """A user without a runtime directory (in a container, say) gets one that goes with the desktop."""
        if not os.access(environ.get("XDG_RUNTIME_DIR", ""), os.W_OK):
            folder = self._folder / "run"
            folder.mkdir(mode=0o700, exist_ok=True)
            environ["XDG_RUNTIME_DIR"] = str(folder)
        return environ

    async def _start_session(
        self, tree: Tree, command: session.SessionCommand, environ: dict[str, str], home: str
    ) -> None:
        bus = self._folder / "bus"
        if (daemon := session.bus_command(f"unix:path={bus}")) is not None:
            environ = {**environ, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}"}
            await tree.run("bus", daemon, environ, folder=home, last=True)
            if not await _appears(bus, tree.exited("bus")):
                del environ["DBUS_SESSION_BUS_ADDRESS"]
                self._log.warning("Desktop %s: no D-Bus session bus (%s)", self.name, tree.log("bus").strip())
        await tree.run("session", command.command, environ, folder=home)
        done, _ = await asyncio.wait([tree.exited("session"), tree.exited("server")], timeout=SESSION_GRACE)
        for ended in done:
            what = "session" if ended is tree.exited("session") else "X server"
            how = ended.result()
            raise DesktopFailed(_with_last_line(f"The desktop's {what} ended at once", how), detail=how.tail)

    # -- end ------------------------------------------------------------------------------------------------------

    def _ended(self, name: str, how: Exit) -> None:
        """A program exited by itself: without X server or session it is no desktop any more."""
        if name == "bus" or self._stopping or self.state is not State.UP:
            return
        if name == "session" and how.status == 0:
            self._become(State.STOPPED, "The desktop's session ended.")
        else:
            what = "session" if name == "session" else "X server"
            self._become(State.DOWN, _with_last_line(f"The desktop's {what} crashed", how))
        self._log.info("Desktop %s of %s: %s", self.name, quote_remote(self.user), self.message)
        self.on_end(self)

    async def stop(self, grace: float) -> None:
        """Stop all of it: SIGTERM, ``grace`` seconds, SIGKILL. Idempotent; the state is the caller's to set."""
        self._stopping = True
        if (tree := self._tree) is not None:
            self.log_text = "".join(tree.log(name) for name in ("server", "session"))
            await tree.stop(grace)
            self._tree = None

    def stopped(self) -> None:
        """Note that it was stopped on purpose."""
        self._become(State.STOPPED)


def _with_last_line(sentence: str, how: Exit) -> str:
    return f"{sentence}: {quote_remote(how.last_line)}" if how.last_line else f"{sentence}."


def _check_home(home: str) -> None:
    """Fail early where a desktop would fail in the dark.

    Raises:
        DesktopFailed: nothing can be written to the home folder.
    """
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"\0")
    except OSError as error:
        raise DesktopFailed(
            f"The home folder cannot be written ({error.strerror}), and a desktop keeps its settings there.",
            detail=str(error),
        ) from error


def _is_taken(display: int) -> bool:
    return Path(f"/tmp/.X{display}-lock").exists() or Path(f"/tmp/.X11-unix/X{display}").exists()  # noqa: S108


def _free_displays(seed: str) -> Iterator[int]:
    """Yield display numbers that nobody uses; the same desktop gets the same number again where it can."""
    first = zlib.crc32(seed.encode()) % len(DISPLAYS)
    free = (DISPLAYS[(first + step) % len(DISPLAYS)] for step in range(len(DISPLAYS)))
    attempts = 0
    for display in free:
        if attempts >= DISPLAY_ATTEMPTS:
            return
        if not _is_taken(display):
            attempts += 1
            yield display


async def _answer_or_exit(path: Path, exited: asyncio.Future[Exit]) -> Exit | None:
    """Wait until an RFB server answers on a socket (None), or until its program exits (how)."""
    while not exited.done():
        if await _greets(path):
            return None
        await asyncio.wait([exited], timeout=POLL)
    return exited.result()


async def _greets(path: Path) -> bool:
    """Whether an RFB server answers now; what listens there but says nothing keeps us waiting (the caller's limit)."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    try:
        return (await reader.readexactly(RFB_GREETING_BYTES)).startswith(RFB_GREETING)
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _appears(path: Path, exited: asyncio.Future[Exit]) -> bool:
    deadline = asyncio.get_running_loop().time() + BUS_TIMEOUT
    while not path.exists():  # noqa: ASYNC240 - in our own folder
        if exited.done() or asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.wait([exited], timeout=POLL)
    return True
