"""One program that a supervisor runs: its process, its output, and what is written down before it starts.

The supervisor uses it, so it imports the standard library and its like only.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.desktops.ownership.belongings import note

#: A log file is cut back to its last part when it grows over the limit (bytes).
LOG_LIMIT: Final = 1 << 20
LOG_KEPT: Final = 64 << 10

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36


def _find_prctl() -> Callable[..., int]:
    """Return ``prctl(2)``; where there is none, the marker has to do."""
    try:
        function: Callable[..., int] = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):
        return lambda *_: -1
    return function


prctl = _find_prctl()


def _die_with_parent() -> None:
    """Between fork and exec: have the kernel kill this program when the supervisor dies."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _ignore_no_signal() -> None:
    """Between fork and exec: a server that a script has started in the background was told to ignore some."""
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


class _Log:
    """The output of one program: a file of bounded size, and its end in memory should the disk be full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0
        self.kept = b""

    def write(self, data: bytes) -> None:
        self.kept = (self.kept + data)[-LOG_KEPT:]
        fresh = self._size + len(data) > LOG_LIMIT
        with suppress(OSError), self._path.open("wb" if fresh else "ab") as file:
            self._size = (0 if fresh else self._size) + file.write(self.kept if fresh else data)


class Program:
    """One program that we were told to run."""

    def __init__(self, folder: Path, order: dict[str, Any], lock: int) -> None:
        self.name: str = order["name"]
        self.last: bool = order.get("last", False)
        self.display: int | None = order.get("display")
        self._list = lock
        self._desktop = folder.name
        self.log = _Log(folder / f"{self.name}.log")
        self.output, writer = os.pipe()
        try:
            self.popen = subprocess.Popen(  # noqa: S603 - the command is our owner's
                order["argv"],
                env=order["env"],
                cwd=order.get("cwd", "/"),
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
                preexec_fn=self._begin,  # noqa: PLW1509 - safe: this process has one thread
            )
        except BaseException:
            os.close(self.output)
            raise
        finally:
            os.close(writer)
        os.set_blocking(self.output, False)

    def _begin(self) -> None:
        """Between fork and exec: write down what the program will have, now that its process id is known."""
        _die_with_parent()
        _ignore_no_signal()
        if self.display is not None:
            note(self._list, display=self.display, pid=os.getpid(), desktop=self._desktop)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid


def readable(descriptor: int) -> bool:
    """Whether something can be read without waiting."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(0))
