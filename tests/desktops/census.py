"""What is on the machine: processes, sockets and files that a desktop could leave behind.

The comparison is of the whole machine, but for what other programs do at the same time: a process counts if it is
below this one. What a desktop leaves behind is, because we adopt processes whose parents are gone.
"""

import ctypes
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from jupyter_vnc.desktops import readiness
from jupyter_vnc.desktops.processes.procfs import display_holder

#: Where desktops' programs leave files.
PLACES = ("/tmp/.X11-unix", "/tmp/.ICE-unix")
PATTERNS = (".X*-lock", "dbus-*", ".xfsm-ICE-*", "jupyter-vnc-*")


@dataclass(frozen=True)
class Census:
    processes: frozenset[str]
    sockets: frozenset[str]
    files: frozenset[str]

    def new_since(self, before):
        """What is there now and was not then."""
        return Census(self.processes - before.processes, self.sockets - before.sockets, self.files - before.files)

    @property
    def empty(self):
        return not (self.processes or self.sockets or self.files)


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
    ours = {pid for pid in processes if _is_ours(pid, processes)}
    theirs = _Others(processes.keys() - ours)
    sockets, files = [*_sockets()], [*_files(folders)]
    theirs.look_again()  # for those who have come in between
    still = {inode for _, inode in _sockets()}  # without what others had for a moment, between the looks
    return Census(
        frozenset(f"{pid} {processes[pid][1]} {_command(pid)}" for pid in ours),
        frozenset(name for name, inode in sockets if inode in still and not theirs.hold(inode)),
        frozenset(str(path) for path in files if not theirs.have(path)),
    )


class _Others:
    """What processes hold that are not ours."""

    def __init__(self, pids):
        self._pids, self._open, self._paths = set(pids), set(), set()
        self._look()

    def look_again(self):
        """Add processes that the first look missed."""
        processes = _processes()
        self._pids |= {pid for pid in processes if not _is_ours(pid, processes)}
        self._look()

    def _look(self):
        for pid in self._pids:
            try:
                self._open |= {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}  # noqa: PTH115
            except OSError:
                continue
        self._paths |= {path for path, inode in _unix_sockets(listening=False) if self.hold(inode)}

    def hold(self, inode):
        """Whether one of them holds the socket of this number."""
        return f"socket:[{inode}]" in self._open

    def have(self, path):
        """Whether a lock, socket or folder is theirs, is of a display that we never use, or has gone with them."""
        found = re.fullmatch(r"X(\d+)|\.X(\d+)-lock", path.name)
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
        if len(columns) > 7 and (not listening or int(columns[3], 16) & 0x10000):
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


def wait_until_gone(before, *folders, timeout=20.0):
    """Wait until nothing is there that was not there before; return what stays."""
    deadline = time.monotonic() + timeout
    while not (left := take(*folders).new_since(before)).empty and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
