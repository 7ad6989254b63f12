"""Processes found in ``/proc``, and the files that they leave behind.

The supervisor uses it, so it imports the standard library only.

What is here is for one user's own processes on Linux; what cannot be looked into belongs to somebody else.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

#: The variable in the environment of a desktop's programs that says whose they are.
MARKER_VARIABLE: Final = "JUPYTER_VNC_DESKTOP"

_KILL_PATIENCE: Final = 5.0
_KILL_PAUSE: Final = 0.01


def _parents() -> dict[int, int]:
    """Map every live process to its parent; zombies are not alive."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                if state not in "ZX":
                    found[int(entry.name)] = int(parent)
    return found


def descendants(root: int) -> set[int]:
    """Return the live processes below one."""
    parents = _parents()
    found: set[int] = set()
    border = {root}
    while border:
        border = {pid for pid, parent in parents.items() if parent in border} - found
        found |= border
    return found


def marked(marker: str) -> Iterator[int]:
    """Yield our own processes whose environment has the marker, or one that starts with it and a slash."""
    needle = f"\0{MARKER_VARIABLE}={marker}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            environment = b"\0" + (entry / "environ").read_bytes() + b"\0"
            if needle + b"\0" in environment or needle + b"/" in environment:
                yield int(entry.name)


def kill(pids: Iterable[int], number: int) -> None:
    """Send a signal to each; one that is gone, or that became another user's, is none of ours any more."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_marked(marker: str) -> None:
    """Kill our processes of a marker, and those that they start meanwhile; give up on what hangs in the kernel."""
    deadline = time.monotonic() + _KILL_PATIENCE
    while (left := set(marked(marker))) and time.monotonic() < deadline:
        kill(left, signal.SIGKILL)
        time.sleep(_KILL_PAUSE)
