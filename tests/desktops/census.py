"""What is on the machine: processes, sockets and files that a desktop could leave behind.

The comparison is of the whole machine, but for what other programs do at the same time: a process counts if it is
below this one. What a desktop leaves behind is: we are the one who is given processes whose parents are gone.
"""

import ctypes
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from jupyter_vnc.desktops import readiness
from jupyter_vnc.desktops.processes import display_holder

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


def adopt_orphans():
    """Have the kernel give us every descendant whose parent ends (``PR_SET_CHILD_SUBREAPER``), instead of init."""
    assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0


def take(*folders):
    """Take a census; ``folders`` are looked into besides the usual places."""
    processes = _processes()
    ours = {pid for pid in processes if _is_ours(pid, processes)}
    return Census(
        frozenset(f"{pid} {processes[pid][1]} {_command(pid)}" for pid in ours),
        frozenset(_sockets(processes.keys() - ours)),
        frozenset(_files(folders, processes.keys() - ours)),
    )


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _sockets(others):
    """Listening sockets, abstract or in the file system, TCP too, that no process of somebody else holds."""
    theirs = set()
    for pid in others:
        try:
            theirs |= {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}  # noqa: PTH115
        except OSError:
            continue
    for row in Path("/proc/net/unix").read_text(errors="replace").splitlines()[1:]:
        columns = row.split()
        if len(columns) > 7 and int(columns[3], 16) & 0x10000 and f"socket:[{columns[6]}]" not in theirs:
            yield columns[7]
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            for row in Path(table).read_text().splitlines()[1:]:
                columns = row.split()
                if columns[3] == "0A" and f"socket:[{columns[9]}]" not in theirs:
                    yield f"{table} {columns[1]}"


def _files(folders, others):
    for place in (*PLACES, *folders):
        for parent, names, files in os.walk(place):
            yield from (f"{parent}/{name}" for name in (*names, *files) if not _held(name, others))
    for pattern in PATTERNS:
        yield from (str(path) for path in Path("/tmp").glob(pattern) if not _held(path.name, others))


def _held(name, others):
    """Whether a lock or socket is not ours: of a display that we never use, or of somebody else's X server."""
    found = re.fullmatch(r"X(\d+)|\.X(\d+)-lock", name)
    if found is None:
        return False
    display = int(found[1] or found[2])
    return display < readiness.DISPLAYS[0] or display_holder(display) in others


def wait_until_gone(before, *folders, timeout=20.0):
    """Wait until nothing is there that was not there before; return what stays."""
    deadline = time.monotonic() + timeout
    while not (left := take(*folders).new_since(before)).empty and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
