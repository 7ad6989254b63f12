"""The owner's side of a supervisor: a desktop's programs as a tree that is started, watched and stopped as a whole."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.system import files
from jupyter_vnc.system.environment import without_secrets
from jupyter_vnc.system.logs import get_logger

from .cleanup import remove_desktop
from .isolated import isolated
from .procfs import MARKER_VARIABLE, descendants, kill_marked, remove_display
from .program import LOG_KEPT
from .supervisor import KILL_PATIENCE, LAST_GRACE

log = get_logger(__name__)

#: The supervisor's own log, for its own errors.
_OWN_LOG: Final = "supervisor"

_GONE: Final = "The process that watches the desktop is gone."

#: How an X server marks a line, and what it writes before the reason of its end.
_X_MARK: Final = re.compile(r"^\((EE|WW|II)\)")
_X_FATAL: Final = "Fatal server error:"

#: Longest event of a supervisor (bytes): the tail of a log, escaped.
_EVENT_LIMIT: Final = 64 << 10


_Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended: exit status, minus the signal's number if one killed it, and the last lines of its log."""

    status: int
    tail: str = ""

    @property
    def last_line(self) -> str:
        """The last line of its log that has a message; of an X server, its fatal error."""
        lines = [_X_MARK.sub("", line).strip() for line in self.tail.splitlines()]
        said = [line for line in lines if any(char.isalnum() for char in line)]
        if _X_FATAL in said[:-1]:
            return said[said.index(_X_FATAL) + 1]
        return said[-1] if said else ""


class Tree:
    """A supervisor and all processes below it."""

    def __init__(self, process: subprocess.Popen[bytes], link: _Link, folder: Path, marker: str) -> None:
        self._process = process
        self._link = link
        self._folder = folder
        self._marker = marker
        self._displays: dict[int, int] = {}
        self._started: dict[str, asyncio.Future[int]] = {}
        self._exited: dict[str, asyncio.Future[Exit]] = {}
        self._reader = asyncio.create_task(self._read(), name=f"vnc-supervisor-{process.pid}")
        #: Called with the name of a program that exited, and how.
        self.on_exit: Callable[[str, Exit], None] = lambda name, how: None

    @classmethod
    async def start(
        cls,
        folder: Path,
        *,
        lock: int,
        marker: str,
        claims: Sequence[int] = (),
        environ: Mapping[str, str] | None = None,
    ) -> Tree:
        """Start a supervisor for the programs of one desktop; it removes ``folder`` when they are stopped.

        Args:
            folder: the desktop's own.
            lock: descriptor of the runtime folder's lock, which the supervisor holds too.
            claims: descriptors of the displays' names, which it holds, too.
            marker: names the desktop in a program's environment.
            environ: the supervisor's environment; by default ours without secrets.

        Raises:
            DesktopFailed: no process can be started.
        """
        command = isolated("processes.supervisor", str(folder), str(os.getpid()), marker, str(lock))
        try:
            inherited = without_secrets(os.environ) if environ is None else environ
            process, ours = _start(command, folder / f"{_OWN_LOG}.log", (lock, *claims), inherited)
        except OSError as error:
            raise DesktopFailed("The server cannot start another process.", detail=str(error)) from error
        try:
            link = await asyncio.open_unix_connection(sock=ours, limit=_EVENT_LIMIT)
        except BaseException:  # stopped at this moment: left alone, it would clear away the next start
            ours.close()
            process.kill()
            process.wait()
            raise
        return cls(process, link, folder, marker)

    async def run(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        folder: str = "/",
        last: bool = False,
        display: int | None = None,
    ) -> int:
        """Start a program in the tree and return its process id.

        Args:
            name: what it is called in events and in the name of its log.
            command: program and arguments.
            environ: its whole environment; the marker is added.
            folder: its working directory.
            last: stop it after the others have had time to end.
            display: the X display that it will lock, so that a lock it leaves behind is removed.

        Raises:
            DesktopFailed: it cannot be started; the message explains why.
        """
        if self._reader.done():
            raise DesktopFailed(_GONE, detail=name)
        loop = asyncio.get_running_loop()
        self._started[name], self._exited[name] = loop.create_future(), loop.create_future()
        order = {"name": name, "argv": list(command), "cwd": folder, "last": last, "display": display}
        await self._send(run={**order, "env": {**environ, MARKER_VARIABLE: self._marker}})
        pid = await self._started[name]
        if display is not None:
            self._displays[display] = pid
        return pid

    def exited(self, name: str) -> asyncio.Future[Exit]:
        """Return what will be known when the program exits."""
        return self._exited[name]

    def log(self, name: str) -> str:
        """Return the end of a program's log, 64 KiB at most."""
        try:
            return files.read_tail(self._folder / f"{name}.log", LOG_KEPT).decode("utf-8", "replace")
        except OSError:
            return ""

    def below(self, *names: str) -> set[int]:
        """Return the live processes of these programs, with all that they have started; by default of all."""
        if not names:
            return descendants(self._process.pid)
        started = (self._started[name] for name in names if name in self._started)
        pids = {one.result() for one in started if one.done() and one.exception() is None}
        return pids.union(*map(descendants, pids))

    async def stop(self, grace: float) -> None:
        """Stop every program: SIGTERM, ``grace`` seconds, SIGKILL; return when all is gone, folder included."""
        patience = grace + LAST_GRACE + 2 * KILL_PATIENCE
        with suppress(DesktopFailed, TimeoutError):  # one that does not listen is killed below
            async with asyncio.timeout(patience):
                await self._send(stop=grace)
        if not (await asyncio.wait([self._reader], timeout=patience))[0]:
            self._process.kill()
            await asyncio.wait([self._reader])

    async def _send(self, **command: Any) -> None:
        _, writer = self._link
        try:
            writer.write(json.dumps(command).encode() + b"\n")
            await writer.drain()
        except (OSError, RuntimeError) as error:
            raise DesktopFailed(_GONE, detail=str(error)) from error

    async def _read(self) -> None:
        """Handle events until the supervisor is gone. Should our loop end first, it sees us hang up."""
        reader, writer = self._link
        try:
            while line := await reader.readline():
                self._hear(line)
        except (OSError, ValueError) as error:  # ValueError: no end of a line within the limit
            log.debug("Supervisor %d: %s", self._process.pid, error)
        finally:
            writer.close()
        said = ""
        try:
            if await asyncio.to_thread(self._process.wait) != 0:
                said = self.log(_OWN_LOG)
                await asyncio.to_thread(self._clean_up)
        finally:
            self._resolve_rest(said)

    def _hear(self, line: bytes) -> None:
        """Handle an event. If it is invalid, or a listener fails, the later ones are handled all the same."""
        try:
            self._dispatch(json.loads(line))
        except Exception:
            log.exception("An event of the supervisor %d was not understood", self._process.pid)

    def _dispatch(self, event: dict[str, Any]) -> None:
        name = event["name"]
        match event["event"]:
            case "left":
                _tell_of(name)
            case "started":
                _resolve(self._started[name], event["pid"])
            case "failed":
                reason = f"The desktop's program cannot be started: {event['error']}."
                _refuse(self._started[name], DesktopFailed(reason, detail=name))
            case "exited":
                how = Exit(event["status"], event["tail"])
                _resolve(self._exited[name], how)
                self._tell_exit(name, how)

    def _tell_exit(self, name: str, how: Exit) -> None:
        try:
            self.on_exit(name, how)
        except Exception:  # a listener may fail; what ended has to be cleaned up all the same
            log.exception("The end of %s could not be handled", name)

    def _clean_up(self) -> None:
        """The supervisor was killed: the kernel killed its programs, and we their descendants."""
        kill_marked(self._marker)
        for display, pid in self._displays.items():
            remove_display(display, pid)
        for path in remove_desktop(self._folder):
            _tell_of(path)

    def _resolve_rest(self, said: str) -> None:
        for name, future in self._started.items():
            _refuse(future, DesktopFailed(_GONE, detail=name))
        for name, gone in self._exited.items():
            if not gone.done():
                gone.set_result(Exit(-signal.SIGKILL, said))
                self._tell_exit(name, gone.result())


def _tell_of(path: str) -> None:
    log.warning("Left alone, because something is mounted there or it is not ours: %s", quote_remote(path))


def _start(
    command: Sequence[str], log: Path, kept: Sequence[int], environ: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a supervisor at the other end of a pair of sockets.

    Not with asyncio's own subprocesses: those are killed when a loop ends without closing them, and a supervisor has
    to live on to clean everything up.

    Raises:
        OSError: it cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs, log.open("wb") as errors:
            end = theirs.fileno()
            process = subprocess.Popen(  # noqa: S603 - our own code
                command,
                env=environ,
                stdin=end,
                stdout=end,
                stderr=errors,
                start_new_session=True,
                pass_fds=kept,
                cwd="/",
            )
    except BaseException:
        ours.close()
        raise
    return process, ours


def _resolve(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _refuse(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # the waiter may be gone
