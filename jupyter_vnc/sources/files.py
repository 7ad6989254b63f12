"""Targets that are written in files: read once, and again when one of the files has changed.

Each source interprets the content of its files. This module lists the files, detects changes, and logs each mistake
once. A mistake, or a file that cannot be read at the moment, says nothing about the targets that were there before:
they stay in use, and so do their sessions. What is gone is gone.
"""

from __future__ import annotations

import asyncio
import errno
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jupyter_vnc.model.targets import Target
from jupyter_vnc.system import files
from jupyter_vnc.system.logs import Log, one_line

from .threads import CallFailed, QuietThreads

#: Larger files are not read (bytes).
MAX_FILE: Final = 4 * 1024 * 1024
#: Errors that mean that there is no such file or folder (any more).
_GONE: Final = (errno.ENOENT, errno.ENOTDIR)
#: Complaints that are logged one by one after a change.
MAX_COMPLAINTS: Final = 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a source as they were at one moment; equal to the next one if nothing has changed.

    ``signs`` changes whenever a file does; ``problem`` says why there are no files, and ``hidden`` whether there may be
    some all the same.
    """

    files: tuple[Path, ...] = ()
    signs: tuple[tuple[object, ...], ...] = ()
    problem: str = ""
    hidden: bool = False


def snapshot(
    source: Path,
    wanted: Callable[[Path], bool] = lambda file: True,
    *,
    kind: Callable[[int], bool] = stat.S_ISREG,
    folder_only: bool = False,
) -> Snapshot:
    """Look at a file, or at those of a folder that are of a kind and wanted, by their names; hidden ones never.

    A missing or unreadable source is a snapshot too: one without files, with the problem.
    """
    try:
        found = [source]
        if folder_only or stat.S_ISDIR(source.stat().st_mode):
            shown = (file for file in source.iterdir() if not file.name.startswith(".") and wanted(file))
            found = sorted(file for file in shown if _is_of(kind, file))
        return Snapshot(tuple(found), tuple(_sign(file) for file in found))
    except OSError as error:
        return Snapshot(problem=f"{source}: {error.strerror}", hidden=error.errno not in _GONE)


def _is_of(kind: Callable[[int], bool], file: Path) -> bool:
    """Whether a file is of a kind; one that cannot be looked at may be, and whoever reads it says why it cannot."""
    try:
        return kind(file.stat().st_mode)
    except OSError as error:
        return error.errno not in _GONE


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


@dataclass(frozen=True, slots=True)
class Entry:
    """A target, and the file that it is written in."""

    file: Path
    target: Target


@dataclass(slots=True)
class Reading:
    """One look into the files: what it has found so far, and what the one before had found.

    ``complaints`` has a sentence for each mistake; ``again`` is whether a file could not be read, which may pass
    without a change of the file.
    """

    earlier: Mapping[str, Entry] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    again: bool = False

    def has(self, name: str) -> bool:
        """Whether these files name a target without a mistake; one that is kept from before does not count."""
        return name in self.entries and self.entries[name] is not self.earlier.get(name)

    def admit(self, file: Path, target: Target) -> None:
        """Add a target; of two with one name the later one counts."""
        self.entries[target.name] = Entry(file, target)

    def mistake(self, where: str, sentence: str, name: str) -> None:
        """Note a mistake in what is written about a target; an earlier version of it stays in use."""
        kept = self._keep(name)
        self.complaints.append(f"{where}: {sentence}{' (its last version without a mistake stays in use)' * kept}")

    def unreadable(self, file: Path, error: OSError) -> None:
        """Note a file that cannot be read; unless it is gone, what was in it before stays in use."""
        there = error.errno not in _GONE
        kept = there and self._keep_all(file)
        self.complaints.append(f"{file}: {error.strerror}{_KEPT * kept}")
        self.again |= there and not isinstance(error, _LASTING)

    def emptied(self, file: Path, *, lost: bool = False) -> None:
        """Note a file without content: if it had targets, it is being written, or the disk was full. They stay.

        ``lost``: it has a length, but zeros are all that is in it, as after a power cut.
        """
        kept = self._keep_all(file)
        if kept or lost:
            self.complaints.append(f"{file}: {'holds zeros only' if lost else 'is empty'}{_KEPT if kept else ''}")

    def _keep_all(self, file: Path) -> bool:
        """Keep what was in a file before; return whether there was anything."""
        names = [name for name, entry in self.earlier.items() if entry.file == file]
        return sum(map(self._keep, names)) > 0

    def _keep(self, name: str) -> bool:
        if name not in self.earlier or name in self.entries:
            return False
        self.entries[name] = self.earlier[name]
        return True


_KEPT: Final = " (what was read before stays in use)"
#: What is in the place of a file has to change before it can be read.
_LASTING: Final = (files.NoRegularFileError, files.FileTooLargeError)

#: Makes targets of files, and notes each mistake.
Parse = Callable[[Sequence[Path], Reading], None]


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
        self._reading = Reading()
        self._targets: Mapping[str, Target] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the files at present: a sentence each, with the file's path."""
        return tuple(self._reading.complaints)

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
        reading = self._read(now)
        known = frozenset(self._reading.complaints)
        self._complain([complaint for complaint in reading.complaints if complaint not in known])
        self._reading = reading
        self._targets = {name: entry.target for name, entry in reading.entries.items()}
        self._seen = None if reading.again else now

    def _read(self, now: Snapshot) -> Reading:
        before = self._reading.entries
        if now.hidden:
            return Reading(before, dict(before), [f"{now.problem}{_KEPT * bool(before)}"])
        reading = Reading(before, complaints=[now.problem] if now.problem else [])
        self._parse(now.files, reading)
        return reading

    def _complain(self, complaints: Sequence[str]) -> None:
        for complaint in complaints[:MAX_COMPLAINTS]:
            self._log.warning("%s: %s", self._name, complaint)
        if (more := len(complaints) - MAX_COMPLAINTS) > 0:
            self._log.warning("%s: %d more mistakes of this kind", self._name, more)
