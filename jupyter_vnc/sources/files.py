"""Targets that are written in files: read once, and again when one of the files has changed.

Each source interprets the content of its files. This module lists the files, detects changes, and logs each mistake
once.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jupyter_vnc.model.targets import Target
from jupyter_vnc.system import files
from jupyter_vnc.system.logs import Log, one_line

from .threads import CallFailed, QuietThreads

#: Larger files are not read (bytes).
MAX_FILE: Final = 4 * 1024 * 1024
#: Complaints that are logged one by one after a change.
MAX_COMPLAINTS: Final = 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a source as they were at one moment; equal to the next one if nothing has changed.

    ``signs`` changes whenever a file does; ``problem`` says why there are no files.
    """

    files: tuple[Path, ...] = ()
    signs: tuple[tuple[object, ...], ...] = ()
    problem: str = ""


def snapshot(source: Path, wanted: Callable[[Path], bool] = Path.is_file, *, folder_only: bool = False) -> Snapshot:
    """Look at a file, or at those files of a folder that are wanted, in the order of their names; hidden ones never.

    A missing or unreadable source is a snapshot too: one without files, with the problem.
    """
    try:
        found = [source]
        if folder_only or stat.S_ISDIR(source.stat().st_mode):
            found = sorted(file for file in source.iterdir() if not file.name.startswith(".") and wanted(file))
        return Snapshot(tuple(found), tuple(_sign(file) for file in found))
    except OSError as error:
        return Snapshot(problem=f"{source}: {error.strerror}")


def _sign(file: Path) -> tuple[object, ...]:
    """What changes when a file does: also when it is replaced, or made readable. A socket's times are its server's."""
    try:
        status = file.stat()
    except OSError as error:  # removed since the folder was listed; the others still count
        return (error.errno,)
    if stat.S_ISSOCK(status.st_mode):
        return (status.st_ino,)
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_mode, status.st_ino)


def read_text(file: Path) -> str:
    """Return the text of a file; bytes that are not UTF-8 are replaced.

    Raises:
        OSError: it cannot be read, is not a regular file, or has more than :data:`MAX_FILE` bytes.
    """
    return files.read_text(file, MAX_FILE, errors="replace")


#: Makes targets of files, and adds a sentence to the list for each mistake.
Parse = Callable[[Sequence[Path], list[str]], Mapping[str, Target]]


class Listing:
    """The targets of some files. ``look`` and ``parse`` run in a thread, because a file system may block."""

    def __init__(self, name: str, log: Log, threads: QuietThreads, look: Callable[[], Snapshot], parse: Parse) -> None:
        self._name = name
        self._log = one_line(log)
        self._threads = threads
        self._look = look
        self._parse = parse
        self._turn = asyncio.Lock()
        self._seen: Snapshot | None = None
        self._targets: Mapping[str, Target] = {}

    async def targets(self) -> Mapping[str, Target]:
        """Return the targets by name; while the file system does not answer, the last known ones."""
        async with self._turn:
            try:
                await self._threads.run(self._refresh)
            except (TimeoutError, CallFailed) as error:
                self._log.warning("%s: the files were not read (%r)", self._name, error)
        return self._targets

    def _refresh(self) -> None:
        now = self._look()
        if now == self._seen:
            return
        complaints = [now.problem] if now.problem else []
        self._targets = self._parse(now.files, complaints)
        self._seen = now
        self._complain(complaints)

    def _complain(self, complaints: Sequence[str]) -> None:
        for complaint in complaints[:MAX_COMPLAINTS]:
            self._log.warning("%s: %s", self._name, complaint)
        if (more := len(complaints) - MAX_COMPLAINTS) > 0:
            self._log.warning("%s: %d more mistakes of this kind", self._name, more)
