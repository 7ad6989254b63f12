"""The sound of one desktop: its sound server while it runs, and its streamer while somebody listens."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.isolated import isolated
from jupyter_vnc.desktops.processes.tree import Tree
from jupyter_vnc.desktops.readiness import POLL
from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.system.logs import Log

from . import pulseaudio

#: The streamer's name in a tree, and its socket's in the desktop's folder.
STREAMER: Final = "stream"

#: Seconds before each start of a desktop's sound server; after the last, programs go without sound.
STARTS: Final = (0.0, 1.0, 2.0, 5.0, 10.0)
#: One that has run for so many seconds starts this list again when it ends.
STEADY: Final = 60.0

#: Seconds that a sound server and a streamer may take until they listen.
PATIENCE: Final = 10.0

_NONE: Final = "This desktop has no sound."

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Sound:
    """What a desktop's programs are heard by.

    Args:
        log: for a warning when there is none though there should be.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._folder = Path()
        self._tree: Tree | None = None
        self._environ: dict[str, str] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._has_streamer = False
        #: How programs reach its sound server; empty if it has none.
        self.variables: dict[str, str] = {}

    def prepare(self, folder: Path, *, wanted: bool) -> None:
        """Decide whether a desktop has sound, before it runs.

        Args:
            folder: the desktop's own.
            wanted: whether it should have some, where that is installed.
        """
        self._folder = folder
        self.variables = pulseaudio.variables(folder) if wanted else {}

    @property
    def there(self) -> bool:
        """Whether a desktop that is up can be heard: it has a sound server, which was not given up."""
        return self._tree is not None and self._keeping is not None and not self._keeping.done()

    def start(self, tree: Tree, environ: Mapping[str, str]) -> None:
        """Start to keep a sound server running, if the desktop has one; does not wait.

        Args:
            tree: where it runs.
            environ: what the desktop's programs inherit.
        """
        self._tree, self._environ = tree, dict(environ)
        self._keeping, self._has_streamer = None, False
        if self.variables:
            self._keeping = asyncio.create_task(self._keep(tree), name=f"vnc-sound-{self._folder.name}")

    def stop(self) -> None:
        """Start nothing any more; what runs ends with the tree."""
        self._tree = None
        if self._keeping is not None:
            self._keeping.cancel()

    async def listen(self) -> Link:
        """Connect to the streamer, which is started for the first listener; see :mod:`.messages` for what it sends.

        Raises:
            DesktopFailed: there is no sound, or the desktop does not run.
        """
        socket = self._folder / STREAMER
        async with self._starting:
            if self._tree is None or not self.there:
                raise DesktopFailed(_NONE)
            with suppress(OSError):
                return await asyncio.open_unix_connection(socket)
            await self._start_streamer(self._tree, socket)
            try:
                return await asyncio.open_unix_connection(socket)
            except OSError as error:
                raise DesktopFailed(_NONE, detail=str(error)) from error

    async def _start_streamer(self, tree: Tree, socket: Path) -> None:
        """Start the streamer, and wait until it listens.

        One that is about to listen is waited for; one that is about to end, too: its exit would be taken for that of
        the next.

        Raises:
            DesktopFailed: it does not.
        """
        if self._has_streamer and await listens(socket, tree, STREAMER, PATIENCE):
            return
        found = importlib.util.find_spec(pulseaudio.LIBRARY)
        if found is None or found.origin is None:
            raise DesktopFailed(_NONE, detail=f"{pulseaudio.LIBRARY} is gone")
        command = isolated("sound.streamer", str(socket), pulseaudio.SOURCE, str(Path(found.origin).parent))
        environ = pulseaudio.apart(self._environ) | self.variables
        unlink(socket)
        await self._run_streamer(tree, command, environ)
        if not await listens(socket, tree, STREAMER, PATIENCE):
            raise DesktopFailed(_NONE, detail=tree.log(STREAMER)[-200:])

    async def _run_streamer(self, tree: Tree, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._has_streamer = True  # also if we are cancelled now
        try:
            await tree.run(STREAMER, command, environ, last=True)
        except DesktopFailed:
            self._has_streamer = False
            raise

    async def _keep(self, tree: Tree) -> None:
        """Run the sound server, and start it again when it ends; a desktop is usable without."""
        delays = list(STARTS)
        while delays:
            await asyncio.sleep(delays.pop(0))
            began = time.monotonic()
            try:
                await self._run_server(tree)
            except (DesktopFailed, OSError) as error:
                why = error.log_line if isinstance(error, DesktopFailed) else quote_remote(str(error))
                self._warn("goes without sound: %s", why)
                return
            self._warn("its sound server has ended: %s", quote_remote(tree.log(pulseaudio.NAME)[-200:]))
            if time.monotonic() - began > STEADY:
                delays = list(STARTS[1:])
        self._warn("goes without sound: its server ended %d times", len(STARTS))

    async def _run_server(self, tree: Tree) -> None:
        """Run the sound server until it ends.

        Raises:
            DesktopFailed: it cannot be started.
            OSError: neither can what an earlier one has left be removed.
        """
        path, socket = pulseaudio.program(), self._folder / pulseaudio.NAME
        if path is None:
            raise DesktopFailed("PulseAudio is gone.")
        unlink(socket)
        environ = pulseaudio.environment(self._environ, self._folder)
        await tree.run(pulseaudio.NAME, pulseaudio.command(path, socket), environ, last=True)
        if await listens(socket, tree, pulseaudio.NAME, PATIENCE):
            with suppress(OSError):  # it may have ended just now
                socket.chmod(0o600)  # PulseAudio opens it to everybody, in a folder of ours alone
        await asyncio.wait([tree.exited(pulseaudio.NAME)])

    def _warn(self, what: str, *values: object) -> None:
        self._log.warning(f"Desktop in %s: {what}", self._folder.name, *values)


def unlink(socket: Path) -> None:
    """Remove what one that was killed has left."""
    socket.unlink(missing_ok=True)


async def listens(socket: Path, tree: Tree, name: str, patience: float) -> bool:
    """Wait until a program listens; False if it ends or takes too long.

    A connection is closed at once, which it takes for a program that has ended. PulseAudio sets the socket's
    permissions before it listens.

    Args:
        socket: where.
        tree: where it runs.
        name: its name there.
        patience: how long it may take (seconds).
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not tree.exited(name).done():
                with suppress(OSError):
                    _, writer = await asyncio.open_unix_connection(socket)
                    writer.close()
                    return True
                await asyncio.wait([tree.exited(name)], timeout=POLL)
    return False
