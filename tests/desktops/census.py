"""What is on the machine: processes, sockets and files that a desktop could leave behind.

The comparison is of the whole machine, but for what other programs do at the same time: a process counts if it is
below this one. What a desktop leaves behind is, because we adopt processes whose parents are gone. Files and sockets
count unless somebody else has them. They may be somebody else's who is ending at this moment: only processes can be
compared once, anything else has to be waited for (:func:`wait_until_gone`).
"""

import ctypes
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_vnc.desktops import readiness
from jupyter_vnc.desktops.processes.procfs import display_holder

#: Where desktops' programs leave files.
PLACES = ("/tmp/.X11-unix", "/tmp/.ICE-unix")
PATTERNS = (".X*-lock", ".tX*-lock", "dbus-*", ".xfsm-ICE-*", "jupyter-vnc-*")


@dataclass(frozen=True)
class New:
    """What was not there before, and is nobody else's: processes as *id start command*, and names."""

    processes: frozenset[str] = frozenset()
    sockets: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    @property
    def empty(self):
        return not (self.processes or self.sockets or self.files)


@dataclass(frozen=True)
class Census:
    """What was there at one moment: our processes, by id and start, and everybody's sockets and files."""

    processes: frozenset[tuple[int, str]]
    sockets: Mapping[str, str]
    files: frozenset[Path]

    def new_since(self, before):
        """What is there now and was not then. Whose it is, is only looked at where there is something new."""
        processes = self.processes - before.processes
        sockets = self.sockets.keys() - before.sockets.keys()
        files = self.files - before.files
        if sockets or files:
            theirs = _Others()
            still = {inode for _, inode in _sockets()}  # without what others had for a moment
            sockets = {one for one in sockets if self.sockets[one] in still and not theirs.hold(self.sockets[one])}
            files = {path for path in files if not theirs.have(path)}
        return New(
            frozenset(f"{pid} {started} {_command(pid)}" for pid, started in processes),
            frozenset(sockets),
            frozenset(map(str, files)),
        )


def _stat(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[1]), fields[19]


def _processes():
    """Every process that is alive: pid -> (parent, start time)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent, started = _stat(entry.name)
            except OSError:
                continue
            if state not in "ZX":
                found[int(entry.name)] = (parent, started)
    return found


def _is_ours(pid, processes):
    while pid in processes:
        pid = processes[pid][0]
        if pid == os.getpid():
            return True
    return False


def adopt_orphans(adopt=True):
    """Have the kernel give us every descendant whose parent ends (``PR_SET_CHILD_SUBREAPER``), instead of init."""
    assert ctypes.CDLL(None).prctl(36, int(adopt), 0, 0, 0) == 0


def take(*folders):
    """Take a census; ``folders`` are looked into besides the usual places."""
    processes = _processes()
    ours = frozenset((pid, processes[pid][1]) for pid in processes if _is_ours(pid, processes))
    return Census(ours, dict(_sockets()), frozenset(_files(folders)))


class _Others:
    """What processes hold that are not ours."""

    def __init__(self):
        self._pids, self._open = set(), set()
        processes = _processes()
        for pid in processes:
            if not _is_ours(pid, processes):
                self._look_at(pid)
        self._paths = {path for path, inode in _unix_sockets(listening=False) if self.hold(inode)}

    def _look_at(self, pid):
        self._pids.add(pid)
        with suppress(OSError):  # it has ended
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):  # it has closed that one meanwhile
                    self._open.add(os.readlink(entry))  # noqa: PTH115

    def hold(self, inode):
        """Whether one of them holds the socket of this number."""
        return f"socket:[{inode}]" in self._open

    def have(self, path):
        """Whether a lock, socket or folder is theirs, is of a display that we never use, or has gone with them."""
        found = re.fullmatch(r"X(\d+)|\.t?X(\d+)-lock", path.name)
        if found is not None:
            display = int(found[1] or found[2])
            if display < readiness.DISPLAYS[0] or display_holder(display) in self._pids:
                return True
        inside = any(name.startswith(f"{path}/") for name in self._open)
        return inside or str(path) in self._paths or not os.path.lexists(path)


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _unix_sockets(*, listening):
    """Sockets with a name, abstract or in the file system: name, inode."""
    for row in Path("/proc/net/unix").read_text(errors="replace").splitlines()[1:]:
        columns = row.split()
        # A name with a line's end in it has a second line, which is none of the table's.
        if len(columns) > 7 and (not listening or columns[3] == "00010000"):
            yield columns[7], columns[6]


def _sockets():
    """Listening sockets, TCP too: name, inode."""
    yield from _unix_sockets(listening=True)
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            for row in Path(table).read_text().splitlines()[1:]:
                columns = row.split()
                if columns[3] == "0A":
                    yield f"{table} {columns[1]}", columns[9]


def _files(folders):
    for place in (*PLACES, *folders):
        for parent, names, files in os.walk(place):
            yield from (Path(parent, name) for name in (*names, *files))
    for pattern in PATTERNS:
        yield from Path("/tmp").glob(pattern)


def wait_until_gone(before, *folders, timeout=60.0):
    """Wait until nothing is there that was not there before; return what stays."""
    deadline = time.monotonic() + timeout
    while not (left := take(*folders).new_since(before)).empty and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
