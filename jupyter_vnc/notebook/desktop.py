"""A desktop of the user of a notebook: its life, and a frame that shows it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .acting import Controlled
from .frame import Frame
from .server import NotebookError, Server


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
