"""A desktop of the user of a notebook: its life, and a frame that shows it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from .acting import Controlled
from .frame import Frame
from .not_seen import NotSeen
from .server import NotebookError, Server
from .watching import PATIENCE
from .windows import Window, names, titled

#: Between two looks at the windows (seconds).
_PAUSE: Final = 0.05
#: A window manager that has just started may miss a request; it gets another one (seconds).
_AGAIN: Final = 1.0


class Desktop(Controlled):
    """One of the user's desktops: any target that they may use, whoever started it.

    Each method makes a connection of its own. With ``with desktop.get() as d:`` there is one for all, which is faster;
    until the end of the block the desktop does not count as idle.
    """

    def __repr__(self) -> str:
        return f"<Desktop {self.name!r}, {self.state}>"

    @property
    def state(self) -> str:
        """What the server knows.

        ``up``, ``starting``, ``stopped``, ``failed``, ``busy``, ``maintenance``, ``down`` or ``unknown``.
        """
        return str(_target(self._server, self.name)["state"])

    def start(self) -> Desktop:
        """Start it if it is a managed desktop that is not running; return when it is ready."""
        return self._do("start")

    def restart(self) -> Desktop:
        """Stop it with all its programs, and start it."""
        return self._do("restart")

    def stop(self) -> None:
        """Stop it with all its programs. Nothing is saved that they have not saved."""
        self._server.call("DELETE", f"api/desktops/{quote(self.name)}")

    def _do(self, action: str) -> Desktop:
        self._server.call("POST", f"api/desktops/{quote(self.name)}", {"action": action})
        return self

    def open_file(self, file: Path | str) -> None:
        """Open a file of the Jupyter server with the application that a managed desktop has for it.

        The desktop is started where that is needed.

        Raises:
            NotebookError: it is no managed desktop, may only be viewed, has no application for the file, or the
                server's file browser does not show the file.
        """
        self._server.call("POST", f"api/desktops/{quote(self.name)}/open", {"path": self._server.path_of(file)})

    # -- the windows of a managed desktop ---------------------------------------------------------------------------

    def windows(self) -> tuple[Window, ...]:
        """Return the windows of a managed desktop that runs, the oldest first.

        Raises:
            NotebookError: it does not run, or it is not a managed desktop.
        """
        return tuple(map(Window.of, self._server.call("GET", f"api/desktops/{quote(self.name)}/windows")))

    def focus(self, title: str, *, timeout: float = PATIENCE) -> Window:
        """Wait for a window of a managed desktop, bring it to the front, and give it the keys.

        Args:
            title: its title, or a part of it; of several, the newest one is meant.
            timeout: for how long to wait (seconds).

        Raises:
            NotSeen: there was no such window, or it did not get the keys.
            NotebookError: the desktop does not run, is not a managed one, or may only be viewed.
        """
        deadline, due = time.monotonic() + timeout, 0.0
        while True:
            windows = self.windows()
            window = titled(windows, title)
            if window is not None and window.focused:
                return window
            if time.monotonic() > deadline:
                what = f"No window is called {title!r}" if window is None else f"{title!r} did not get the keys"
                there = f"the windows are: {names(windows)}"
                raise NotSeen(f"{what} on {self.name!r} within {timeout:g} seconds; {there}.", self.screenshot())
            if window is not None and time.monotonic() >= due:
                self._server.call("POST", f"api/desktops/{quote(self.name)}/focus", {"window": window.ident})
                due = time.monotonic() + _AGAIN
            time.sleep(_PAUSE)

    # -- in a notebook ------------------------------------------------------------------------------------------------

    def show(self, width: str = "100%", height: int = 600) -> Frame:
        """Show it in a cell, with a CSS length as its width and a height in pixels; starts it if necessary."""
        return Frame(self._server, self.name, self.title, width, height)


def all_of(server: Server) -> tuple[Desktop, ...]:
    """Return the user's desktops, the first of them is the one that is meant where no name is given."""
    return tuple(Desktop(server, row["name"], row["title"]) for row in server.call("GET", "api/targets"))


def named(server: Server, name: str | None) -> Desktop:
    """Return a desktop of a server by its name, or the first.

    Raises:
        NotebookError: there is none.
    """
    found = all_of(server)
    if name is None and found:
        return found[0]
    for one in found:
        if one.name == name:
            return one
    names = ", ".join(repr(one.name) for one in found)
    raise NotebookError(f"There is no desktop {name!r}; there are: {names}." if found else "You have no desktops.")


def _target(server: Server, name: str) -> dict[str, Any]:
    for row in server.call("GET", "api/targets"):
        if row["name"] == name:
            return dict(row)
    raise NotebookError(f"There is no desktop {name!r} any more.")
