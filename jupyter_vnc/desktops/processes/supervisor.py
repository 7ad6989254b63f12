"""The supervisor of one desktop: a process that starts its programs and outlives us just long enough to stop them.

It runs :func:`main` in an isolated interpreter without site packages, so that it starts in a few milliseconds, and
imports the standard library and :mod:`.procfs` and :mod:`.leftovers` only. It knows neither X nor RFB.

Every process of the desktop is and stays its descendant, because it is their *child subreaper* (``prctl(2)``): one
that leaves its process group or detaches is handed to it, not to init. It stops them all when told to, when its
standard input closes, when its owner (the Jupyter server) is gone, however that died, or on SIGTERM; and then removes
the desktop's folder. Should it be killed itself, the kernel kills the programs that it started (``PR_SET_PDEATHSIG``),
and whoever sweeps up finds the rest by the marker in their environment.

It reads commands and writes events, each a line of JSON::

    {"run": {"name": "server", "argv": […], "env": {…}, "cwd": "/", "last": true, "display": 107}}
    {"stop": 10.0}

    {"event": "started", "name": "server", "pid": 4711}
    {"event": "failed", "name": "server", "error": "No such file or directory"}
    {"event": "exited", "name": "server", "status": 1, "tail": "last lines of its log"}
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from .leftovers import remove_display, remove_folder, remove_orphaned, remove_session_sockets
from .procfs import descendants, kill, marked

#: A log file is cut back to its last part when it grows over the limit (bytes).
LOG_LIMIT: Final = 1 << 20
LOG_KEPT: Final = 64 << 10

#: How much of a log goes with the news that a program exited (bytes).
TAIL: Final = 4 << 10

#: Seconds for programs to end by themselves when nobody says how long.
GRACE: Final = 10.0

#: Seconds for the X server to put its own things away; and after SIGKILL, before we give up on a process that hangs
#: in the kernel.
LAST_GRACE: Final = 2.0
KILL_PATIENCE: Final = 5.0

#: Seconds that an owner which hung up may take to exit.
OWNER_PATIENCE: Final = 5.0

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _find_prctl() -> Callable[..., int]:
    """Return ``prctl(2)``; where there is none, the marker has to do."""
    try:
        function: Callable[..., int] = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):
        return lambda *_: -1
    return function


_prctl = _find_prctl()


def _die_with_parent() -> None:
    """Between fork and exec: have the kernel kill this program when the supervisor dies without a word."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


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


class _Program:
    """One program that we were told to run."""

    def __init__(self, folder: Path, order: dict[str, Any]) -> None:
        self.name: str = order["name"]
        self.last: bool = order.get("last", False)
        self.display: int | None = order.get("display")
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
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - safe: this process has one thread
            )
        except BaseException:
            os.close(self.output)
            raise
        finally:
            os.close(writer)
        os.set_blocking(self.output, False)

    @property
    def pid(self) -> int:
        return self.popen.pid


class Supervisor:
    """Runs one desktop's programs until told to stop, or until nobody is there to tell it."""

    def __init__(self, folder: Path, owner: int, marker: str) -> None:
        self._folder = folder
        self._owner = owner
        self._marker = marker
        self._programs: list[_Program] = []
        self._seen: set[int] = set()
        self._commands = b""
        self._grace: float | None = None
        self._hung_up = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until told to stop or left alone; then stop everything and remove the folder."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._watch()
        while self._grace is None:
            self._turn(None)
        self._stop_all(self._grace)
        self._clean_up()

    # -- events ---------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        wake, waker = os.pipe()
        for end in (wake, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _STOP_SIGNALS:
            signal.signal(number, lambda *_: self._leave())
        self._selector.register(wake, selectors.EVENT_READ, lambda: os.read(wake, 4096))
        self._selector.register(0, selectors.EVENT_READ, self._read_commands)
        # The pipe alone would do, were it not for programs that fork the owner and keep its end of the pipe open.
        with suppress(OSError, AttributeError):
            owner = os.pidfd_open(self._owner)
            self._selector.register(owner, selectors.EVENT_READ, lambda: self._leave(owner))
        if os.getppid() != self._owner:
            self._leave()

    def _leave(self, descriptor: int | None = None) -> None:
        if descriptor is not None:
            self._selector.unregister(descriptor)
            self._hung_up = self._grace is None
        if self._grace is None:
            self._grace = GRACE

    def _turn(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            key.data()
        self._reap()

    def _read_commands(self) -> None:
        data = os.read(0, 1 << 16)
        if not data:
            self._leave(0)
            return
        *lines, self._commands = (self._commands + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if "stop" in command:
                self._grace = float(command["stop"])
            elif self._grace is None:
                self._start(command["run"])

    def _start(self, order: dict[str, Any]) -> None:
        try:
            program = _Program(self._folder, order)
        except OSError as error:
            self._tell(event="failed", name=order["name"], error=error.strerror or str(error))
            return
        self._programs.append(program)
        self._selector.register(program.output, selectors.EVENT_READ, lambda: self._read_log(program))
        self._tell(event="started", name=program.name, pid=program.pid)

    def _read_log(self, program: _Program) -> None:
        with suppress(BlockingIOError):
            if data := os.read(program.output, 1 << 16):
                program.log.write(data)
                return
            self._selector.unregister(program.output)
            os.close(program.output)
            program.output = -1

    def _reap(self) -> bool:
        """Take note of processes that ended; return whether no descendant is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self._seen.add(pid)
            for program in self._programs:
                if program.pid == pid and program.popen.returncode is None:
                    self._exited(program, os.waitstatus_to_exitcode(status))

    def _exited(self, program: _Program, status: int) -> None:
        program.popen.returncode = status
        for _ in range(LOG_LIMIT >> 16):  # what it said last is still in the pipe; its children may go on talking
            if program.output < 0 or not _readable(program.output):
                break
            self._read_log(program)
        tail = program.log.kept[-TAIL:].decode("utf-8", "replace")
        self._tell(event="exited", name=program.name, status=status, tail=tail)

    def _tell(self, **event: Any) -> None:
        with suppress(OSError):
            os.write(1, json.dumps(event).encode() + b"\n")

    # -- the end --------------------------------------------------------------------------------------------------

    def _stop_all(self, grace: float) -> None:
        """SIGTERM to the session while its display is still there, then to the rest; then SIGKILL to whoever stays."""
        last = {program.pid for program in self._programs if program.last}
        self._terminate(grace, spare=last)
        self._terminate(min(grace, LAST_GRACE), spare=set())
        deadline = time.monotonic() + KILL_PATIENCE
        while not (self._reap() and not set(marked(self._marker))) and time.monotonic() < deadline:
            left = descendants(os.getpid()) | set(marked(self._marker))
            self._seen |= left
            kill(left, signal.SIGKILL)
            self._turn(0.01)

    def _terminate(self, grace: float, *, spare: set[int]) -> None:
        """Tell everybody once, and what they started since (helpers that save things, say) after half of the time."""
        told: set[int] = set()
        began = time.monotonic()
        while (left := descendants(os.getpid()) - spare) and (waited := time.monotonic() - began) < grace:
            self._seen |= left
            if not told or waited > grace / 2:
                kill(left - told, signal.SIGTERM)
                kill(left - told, signal.SIGCONT)
                told |= left
            self._turn(0.02)

    def _clean_up(self) -> None:
        for program in self._programs:
            if program.display is not None:
                remove_display(program.display, program.pid)
        remove_session_sockets(self._seen)
        remove_folder(self._folder)
        if self._hung_up:
            self._wait_for_owner()
        if os.getppid() != self._owner:
            remove_orphaned(self._folder.parent)

    def _wait_for_owner(self) -> None:
        """An owner that hangs up without a word is about to exit: whoever is last removes its folder."""
        deadline = time.monotonic() + OWNER_PATIENCE
        while os.getppid() == self._owner and time.monotonic() < deadline:
            time.sleep(0.02)


def _readable(descriptor: int) -> bool:
    """Whether something can be read without waiting."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(0))


def main(folder: str, owner: str, marker: str) -> None:
    """Supervise the desktop in ``folder`` for the process ``owner``, our parent."""
    Supervisor(Path(folder), int(owner), marker).run()
