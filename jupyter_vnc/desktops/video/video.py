"""The video of one desktop: its streamer while somebody looks."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.isolated import isolated
from jupyter_vnc.desktops.processes.tree import Tree
from jupyter_vnc.desktops.sound import pulseaudio
from jupyter_vnc.desktops.sound.sound import Link, listens, unlink
from jupyter_vnc.exceptions import DesktopFailed

#: The streamer's name in a tree, and its socket's in the desktop's folder.
NAME: Final = "video"

#: The library of the extra ``jupyter-vnc[stream]``.
LIBRARY: Final = "pixelflux"

_NONE: Final = "This desktop has no video."

#: Seconds for the library to be loaded, on a slow disk.
_LOADING: Final = 60.0


def has_library() -> bool:
    """Whether the extra's library is installed."""
    return importlib.util.find_spec(LIBRARY) is not None


def trouble() -> str:
    """Say why the extra's library, which is installed, cannot be loaded; empty where it can. Takes its time."""
    command = [sys.executable, "-P", "-c", f"import {LIBRARY}"]  # it is never loaded by this process
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LOADING, check=False)  # noqa: S603 - our own
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.decode(errors="replace").splitlines() or [f"it ended with {done.returncode}"])[-1]


@dataclass(frozen=True, slots=True)
class VideoSettings:
    """How the desktops of a server are encoded; see the traits of the same names."""

    rate: int = 30
    quality: int = 6


class Video:
    """What moves on a desktop, for its viewers."""

    def __init__(self) -> None:
        self._tree: Tree | None = None
        self._folder, self._authority, self._display = Path(), Path(), 0
        self._environ: dict[str, str] = {}
        self._settings = VideoSettings()
        self._starting = asyncio.Lock()
        self._has_streamer = False

    @property
    def there(self) -> bool:
        """Whether a desktop that is up has video."""
        return self._tree is not None and has_library()

    def start(self, tree: Tree, display: int, authority: Path, environ: Mapping[str, str], how: VideoSettings) -> None:
        """Note that the desktop runs, and may be seen as video.

        Args:
            tree: where it runs.
            display: its number.
            authority: the file with its cookie, in the desktop's folder.
            environ: what the desktop's programs inherit.
            how: how it is encoded.
        """
        self._tree, self._display, self._authority, self._folder = tree, display, authority, authority.parent
        self._environ, self._settings, self._has_streamer = dict(environ), how, False

    def stop(self) -> None:
        """Start nothing any more; what runs ends with the tree."""
        self._tree = None

    async def watch(self) -> Link:
        """Connect to the streamer, which is started for the first viewer; see :mod:`.messages` for what it sends.

        Raises:
            DesktopFailed: there is no video, or the desktop does not run.
        """
        socket = self._folder / NAME
        async with self._starting:
            if (tree := self._tree) is None:
                raise DesktopFailed(_NONE)
            with suppress(OSError):
                return await asyncio.open_unix_connection(socket)
            await self._start_streamer(tree, socket)
            try:
                return await asyncio.open_unix_connection(socket)
            except OSError as error:
                raise DesktopFailed(_NONE, detail=str(error)) from error

    async def _start_streamer(self, tree: Tree, socket: Path) -> None:
        """Start the streamer, and wait until it listens. One that is about to listen, or to end, is waited for.

        Raises:
            DesktopFailed: it does not.
        """
        if self._has_streamer and await listens(socket, tree, NAME, _LOADING):
            return
        found = importlib.util.find_spec(LIBRARY)
        if found is None or found.origin is None:
            raise DesktopFailed(_NONE, detail=f"{LIBRARY} is gone")
        library = Path(found.origin).parent.parent if found.submodule_search_locations else Path(found.origin).parent
        how = self._settings
        where = str(socket), str(self._display), str(self._authority), str(library)
        command = isolated("video.streamer", *where, str(how.rate), str(how.quality))
        display = {"DISPLAY": f":{self._display}", "XAUTHORITY": str(self._authority)}
        unlink(socket)
        self._has_streamer = True  # also if we are cancelled now
        try:
            await tree.run(NAME, command, pulseaudio.apart(self._environ) | display, last=True)
        except DesktopFailed:
            self._has_streamer = False
            raise
        if not await listens(socket, tree, NAME, _LOADING):
            raise DesktopFailed(_NONE, detail=tree.log(NAME)[-200:])
