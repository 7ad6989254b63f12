"""A Jupyter server of a program's own, with one managed desktop that nobody else has."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, TypeVar

from jupyter_vnc.desktops.processes.program import PR_SET_PDEATHSIG, prctl
from jupyter_vnc.desktops.x11.connection import Link
from jupyter_vnc.desktops.x11.windows import Windows

from .desktop import Desktop
from .server import NotebookError, Server, of_process

Found = TypeVar("Found")

#: The desktop's name.
NAME: Final = "desktop"
#: Seconds for the server to answer, and for a desktop to say which display it has; machines that run tests are busy.
PATIENCE: Final = 120.0
#: Seconds for the server to stop its desktop and end.
GRACE: Final = 30.0
#: Seconds for a window manager to begin; a session of somebody's own may have none.
MANAGER: Final = 5.0
_POLL: Final = 0.05
#: Of the server's log, the end is told where it does not start (characters).
_COMPLAINT: Final = 2000

#: What the session begins with: it tells us where windows go, and becomes the session's program.
_TELL: Final = 'printf "%s\\n%s\\n" "$DISPLAY" "$XAUTHORITY" > {file}.new && mv {file}.new {file}; exec "$@"'

_CONFIG: Final = """
c.ServerApp.jpserver_extensions = {{"jupyter_vnc": True}}
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = {port}
c.ServerApp.root_dir = {root!r}
c.IdentityProvider.token = {token!r}
c.VNCBroker.targets = {targets!r}
c.VNCBroker.tokens_per_minute = 0
c.DesktopManager.kernel_display = ""
c.DesktopManager.cull_idle_timeout = 0
"""


class PrivateServer:
    """Starts with :meth:`start`, and ends with :meth:`close` or with the program.

    Args:
        folder: an empty folder that only this user can enter, with a short name: sockets are made in it.
        command: the program of the desktop's session, such as a window manager.
        geometry: of the desktop, such as ``1280x800``.
    """

    def __init__(self, folder: Path, command: Sequence[str], geometry: str) -> None:
        self._folder, self._told = folder, folder / "display"
        tell = _TELL.format(file=shlex.quote(str(self._told)))
        session = ["/bin/sh", "-c", tell, "sh", *command]
        self._targets = {NAME: {"desktop": {"command": session, "geometry": geometry}}}
        self._process: subprocess.Popen[bytes] | None = None
        self._server: Server | None = None

    def start(self) -> None:
        """Start the server, and wait until it answers.

        Raises:
            NotebookError: it does not; the message has the end of its log.
        """
        for name in ("home", "root", "tmp"):
            (self._folder / name).mkdir()
        config = self._folder / "config.py"
        root, token = str(self._folder / "root"), secrets.token_hex(32)
        config.write_text(_CONFIG.format(port=_free_port(), root=root, token=token, targets=self._targets))
        places = {"HOME": "home", "TMPDIR": "tmp", "JUPYTER_DATA_DIR": "jd", "JUPYTER_RUNTIME_DIR": "jr"}
        # Of the desktop that the tests were started on, nothing; where a system has its applications, it does.
        inherited = {name: value for name, value in os.environ.items() if not _is_of_session(name)}
        environ = inherited | {name: str(self._folder / place) for name, place in places.items()}
        environ["JUPYTER_NO_CONFIG"] = "1"  # nothing of this machine's Jupyter: no JupyterLab, no other targets
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                # -P: no file of the folder with the tests is taken for a module of the server's.
                [sys.executable, "-P", "-m", "jupyter_server", f"--config={config}"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - it calls one function of the kernel
            )
        self._server = self._wait(self._answering, "The Jupyter server of the tests did not start")

    def _answering(self) -> Server | None:
        process = self._process
        if process is None or process.poll() is not None:
            raise NotebookError(f"The Jupyter server of the tests has ended:\n{self._log()}")
        with suppress(OSError, ValueError, NotebookError):
            server = of_process(process.pid, self._folder / "jr", {})
            server.call("GET", "api/targets")
            return server
        return None

    def fresh(self) -> tuple[Desktop, dict[str, str]]:
        """Start the desktop anew, and return it with the variables that a program needs to open a window on it.

        It has its window manager, unless that takes longer than :data:`MANAGER` seconds, or there is none.

        Raises:
            NotebookError: it does not start.
        """
        if self._server is None:
            raise NotebookError("The Jupyter server of the tests does not run.")
        desktop = Desktop(self._server, NAME)
        desktop.stop()
        self._told.unlink(missing_ok=True)
        desktop.start()
        display, authority = self._wait(self._told_display, "The desktop of the tests did not say which display it has")
        _await_manager(int(display.removeprefix(":")), Path(authority))
        return desktop, {"DISPLAY": display, "XAUTHORITY": authority}

    def _told_display(self) -> list[str] | None:
        return self._told.read_text().splitlines() if self._told.exists() else None

    def close(self) -> None:
        """Stop the desktop and the server."""
        process, self._process, self._server = self._process, None, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait(self, find: Callable[[], Found | None], complaint: str) -> Found:
        deadline = time.monotonic() + PATIENCE
        while (found := find()) is None:
            if time.monotonic() > deadline:
                raise NotebookError(f"{complaint} within {PATIENCE:g} seconds:\n{self._log()}")
            time.sleep(_POLL)
        return found

    def _log(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")[-_COMPLAINT:]


def _is_of_session(name: str) -> bool:
    """Whether a variable tells programs of a user's session where its files are, or what it is."""
    return name.startswith("XDG_") and not name.endswith("_DIRS")


def _await_manager(display: int, authority: Path) -> None:
    """Wait for a window manager: it does not know what a window that was there before it has asked for."""
    deadline = time.monotonic() + MANAGER
    while not _is_managed(display, authority) and time.monotonic() < deadline:
        time.sleep(_POLL)


def _is_managed(display: int, authority: Path) -> bool:
    with suppress(OSError), closing(Link.open(display, authority, MANAGER)) as link:
        return Windows(link).is_managed()
    return False


def _free_port() -> int:
    """Return a port that is free now; the server takes another one if it is not when it starts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _end_with_parent() -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
