"""The supervisor of one desktop: a process that starts its programs and outlives us just long enough to stop them.

It runs :func:`main` in an isolated interpreter without site packages, so that it starts in a few milliseconds, and
imports the standard library and its like only. It knows neither X nor RFB.

Every process of the desktop is and stays its descendant, because it is their *child subreaper* (``prctl(2)``): one
that leaves its process group or detaches is handed to it, not to init. It stops them all when told to, when its
standard input closes, when its owner (the Jupyter server) is gone, however that died, or on SIGTERM; and then removes
the desktop's folder. Should it be killed itself, the kernel kills the programs that it started (``PR_SET_PDEATHSIG``),
and whoever sweeps up finds the rest by the marker in their environment.

None of this depends on the other end of the pipe: after an invalid command, a peer that does not read or a broken pipe
it stops reading at most.

It reads commands and writes events, each a line of JSON::

    {"run": {"name": "server", "argv": […], "env": {…}, "cwd": "/", "last": true, "display": 107}}
    {"stop": 10.0}

    {"event": "started", "name": "server", "pid": 4711}
    {"event": "failed", "name": "server", "error": "No such file or directory"}
    {"event": "exited", "name": "server", "status": 1, "tail": "last lines of its log"}
    {"event": "left", "name": "/run/…/mounted"}
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.desktops.ownership.belongings import note

from .cleanup import remove_desktop, remove_orphaned
from .owner_line import OwnerLine
from .procfs import descendants, kill, marked, remove_display, remove_session_sockets, session_socket
from .program import LOG_LIMIT, PR_SET_CHILD_SUBREAPER, Program, prctl, readable

#: How much of a log goes with the event that a program exited (bytes).
TAIL: Final = 4 << 10

#: Seconds for programs to end by themselves when no time is given.
GRACE: Final = 10.0

#: Seconds for the X server to clean up; and after SIGKILL, before we give up on a process that hangs
#: in the kernel.
LAST_GRACE: Final = 2.0
KILL_PATIENCE: Final = 5.0

#: Seconds that an owner which hung up may take to exit.
OWNER_PATIENCE: Final = 5.0

#: Seconds after a program's start at which sockets of session managers are looked for: the kernel does not say when.
_LOOKS: Final = (0.5, 2.0, 5.0, 15.0, 60.0)

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """Runs one desktop's programs until told to stop, or until its owner is gone."""

    def __init__(self, folder: Path, owner: int, marker: str, lock: int) -> None:
        self._folder = folder
        self._owner = owner
        self._marker = marker
        #: The list of what its server has made; see :mod:`.belongings`.
        self._list = lock
        self._programs: list[Program] = []
        self._seen: set[int] = set()
        self._sessions: set[int] = set()
        self._looks: list[float] = []
        self._grace: float | None = None
        self._hung_up = False
        self.failed = False
        self._selector = selectors.DefaultSelector()
        self._line = OwnerLine(self._selector, self._obey, self._note_failure, lambda: self._leave(0))

    def run(self) -> None:
        """Serve until told to stop or left alone; then stop everything and remove the folder, whatever happened."""
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            self._watch()
            while self._grace is None:
                self._turn(None)
        except Exception:  # noqa: BLE001 - what it is, our log says
            self._note_failure()
        finally:
            self._end()

    def _end(self) -> None:
        """Stop and clear away; a step that fails keeps none of the others from being done."""
        for step in (self._stop_all, self._kill_all, self._clean_up, self._leave_orphans):
            try:
                step()
            except Exception:  # noqa: BLE001 - what it is, our log says
                self._note_failure()

    def _note_failure(self) -> None:
        """Write what went wrong to our own log, if possible; our owner then removes what is left."""
        self.failed = True
        with suppress(Exception):
            sys.excepthook(*sys.exc_info())

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
        self._line.open()
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
        if self._looks:
            until = max(0.0, self._looks[0] - time.monotonic())
            timeout = until if timeout is None else min(timeout, until)
        for key, _ in self._selector.select(timeout):
            key.data()
        if self._looks and time.monotonic() >= self._looks[0]:
            self._looks.pop(0)
            self._note_sessions()
        self._reap()

    def _note_sessions(self) -> None:
        """Write down which of our processes listen as session managers do."""
        for pid in descendants(os.getpid()) - self._sessions:
            if session_socket(pid).exists():
                self._sessions.add(pid)
                with suppress(OSError):
                    note(self._list, session=pid)

    def _obey(self, command: dict[str, Any]) -> None:
        if "stop" in command:
            self._grace = float(command["stop"])
        elif self._grace is None:
            self._start(command["run"])

    def _start(self, order: dict[str, Any]) -> None:
        try:
            program = Program(self._folder, order, self._list)
        except (OSError, ValueError, TypeError, subprocess.SubprocessError) as error:
            self._line.tell(event="failed", name=order["name"], error=getattr(error, "strerror", None) or str(error))
            return
        self._programs.append(program)
        self._selector.register(program.output, selectors.EVENT_READ, lambda: self._read_log(program))
        self._looks = [time.monotonic() + look for look in _LOOKS]
        self._line.tell(event="started", name=program.name, pid=program.pid)

    def _read_log(self, program: Program) -> None:
        with suppress(OSError):
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

    def _exited(self, program: Program, status: int) -> None:
        program.popen.returncode = status
        for _ in range(LOG_LIMIT >> 16):  # its last output is still in the pipe; its children may go on writing
            if program.output < 0 or not readable(program.output):
                break
            self._read_log(program)
        tail = program.log.kept[-TAIL:].decode("utf-8", "replace")
        self._line.tell(event="exited", name=program.name, status=status, tail=tail)

    # -- the end --------------------------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """SIGTERM to the session while its display is still there, then to the rest."""
        self._grace = grace = GRACE if self._grace is None else self._grace
        last = {program.pid for program in self._programs if program.last}
        self._terminate(grace, spare=last)
        self._terminate(min(grace, LAST_GRACE), spare=set())

    def _kill_all(self) -> None:
        """SIGKILL to the rest."""
        deadline = time.monotonic() + KILL_PATIENCE
        while not (self._reap() and not set(marked(self._marker))) and time.monotonic() < deadline:
            left = descendants(os.getpid()) | set(marked(self._marker))
            self._seen |= left
            kill(left, signal.SIGKILL)
            self._turn(0.01)

    def _terminate(self, grace: float, *, spare: set[int]) -> None:
        """Signal all of them once, and later ones (helpers that save things, say) after half of the time."""
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
        for path in remove_desktop(self._folder):
            self._line.tell(event="left", name=path)

    def _leave_orphans(self) -> None:
        if self._hung_up:
            self._wait_for_owner()
        if os.getppid() != self._owner:
            remove_orphaned(self._folder.parent)

    def _wait_for_owner(self) -> None:
        """An owner that hangs up is about to exit: the last process removes its folder."""
        deadline = time.monotonic() + OWNER_PATIENCE
        while os.getppid() == self._owner and time.monotonic() < deadline:
            time.sleep(0.02)


def main(folder: str, owner: str, marker: str, lock: str) -> None:
    """Supervise the desktop in ``folder`` for the process ``owner``, our parent; ``lock`` is its list's descriptor."""
    supervisor = Supervisor(Path(folder), int(owner), marker, int(lock))
    supervisor.run()
    sys.exit(supervisor.failed)
