r"""Desktops from a notebook: show one in a cell, start and stop it, look at it, type, wait for what it shows.

    from jupyter_vnc import desktop

    desktop.show()                       # in the cell
    desktop.screenshot()                 # as an image in the cell
    desktop.type_text("ls\n")
    desktop.wait_for_colour("red")

Without a name all of them mean the user's first desktop. Everything goes through the Jupyter server that the notebook
belongs to, with the permissions of its user. Errors are :class:`NotebookError` with a sentence.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from .notebook import keys
from .notebook.colours import find_colour
from .notebook.frame import Frame
from .notebook.server import NotebookError, Server, find
from .notebook.viewer import Viewer

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "Desktop",
    "NotebookError",
    "click",
    "get",
    "list",
    "press",
    "restart",
    "screenshot",
    "show",
    "start",
    "stop",
    "type_text",
    "wait_for_colour",
    "wait_until_still",
]

#: How long a wait lasts by default (seconds).
PATIENCE: Final = 10.0
#: How far each part of a colour (0 to 255) may be from what is waited for.
TOLERANCE: Final = 24
#: The pause after each key that is typed (seconds), so that slow programs lose none.
_KEY_PAUSE: Final = 0.005
_BUTTONS: Final = {"left": 1, "middle": 2, "right": 4}


class Desktop:
    """One of the user's desktops.

    Each method makes a connection of its own. With ``with desktop.get() as d:`` there is one for all, which is faster;
    until the end of the block the desktop does not count as idle.
    """

    def __init__(self, server: Server, name: str, title: str = "") -> None:
        self.name = name
        self.title = title or name
        self._server = server
        self._viewer: Viewer | None = None

    def __repr__(self) -> str:
        return f"<Desktop {self.name!r}, {self.state}>"

    def __enter__(self) -> Self:
        self._viewer = Viewer(self._server, self.name)
        return self

    def __exit__(self, *_: object) -> None:
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            viewer.close()

    @property
    def state(self) -> str:
        """What the server knows.

        ``up``, ``starting``, ``stopped``, ``failed``, ``busy``, ``maintenance``, ``down`` or ``unknown``.
        """
        return str(_target(self._server, self.name)["state"])

    # -- its life -------------------------------------------------------------------------------------------------

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

    # -- watching ------------------------------------------------------------------------------------------------

    def show(self, width: str = "100%", height: int = 600) -> Frame:
        """Show it in a cell, with a CSS length as its width and a height in pixels; starts it if necessary."""
        return Frame(self._server, self.name, self.title, width, height)

    def screenshot(self) -> Image:
        """Return what is on its screen, as a Pillow image; in a cell it is shown."""
        with self._watched() as viewer:
            return viewer.image()

    def wait_for_colour(
        self,
        colour: str | tuple[int, int, int],
        at: tuple[int, int] | None = None,
        *,
        tolerance: int = TOLERANCE,
        timeout: float = PATIENCE,
    ) -> tuple[int, int]:
        """Wait until a colour is there, and return where.

        Args:
            colour: a name or ``#rrggbb`` as in CSS, or red, green and blue from 0 to 255.
            at: the point that must have it; anywhere, if absent.
            tolerance: how far each part of the colour may be off (0 to 255).
            timeout: for how long (seconds).

        Raises:
            NotebookError: it did not come.
        """
        deadline = time.monotonic() + timeout
        with self._watched() as viewer:
            while True:
                if (found := find_colour(viewer.image(), colour, at, tolerance)) is not None:
                    return found
                if not viewer.changes(deadline - time.monotonic()):
                    raise NotebookError(f"{colour!r} did not appear on {self.name!r} within {timeout:g} seconds.")

    def wait_until_still(self, seconds: float = 0.5, *, timeout: float = PATIENCE) -> None:
        """Wait until nothing has changed on its screen for that many seconds.

        Raises:
            NotebookError: it was never still for that long within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._watched() as viewer:
            viewer.image()
            while viewer.changes(seconds):
                if time.monotonic() > deadline:
                    raise NotebookError(f"{self.name!r} was not still for {seconds:g} seconds within {timeout:g}.")

    # -- working -------------------------------------------------------------------------------------------------

    def type_text(self, text: str) -> None:
        r"""Type a text, key by key; ``\n`` is Enter, ``\t`` is Tab."""
        with self._watched() as viewer:
            for character in text:
                _tap(viewer, [keys.of_character(character)])
            viewer.image()  # so that all has arrived before we leave

    def press(self, combination: str) -> None:
        """Press keys together, such as ``"ctrl+alt+t"``, ``"F5"`` or ``"enter"``, and release them.

        Raises:
            ValueError: names the unknown key.
        """
        wanted = [*keys.of_combination(combination)]
        with self._watched() as viewer:
            _tap(viewer, wanted)
            viewer.image()

    def click(self, x: int, y: int, button: str = "left") -> None:
        """Click at a point, in pixels from the upper left corner, with ``"left"``, ``"middle"`` or ``"right"``."""
        if button not in _BUTTONS:
            raise ValueError(f"{button!r} is not a button; use one of {', '.join(_BUTTONS)}")
        with self._watched() as viewer:
            for down in (0, _BUTTONS[button], 0):
                viewer.pointer(x, y, down)
            viewer.image()

    @contextmanager
    def _watched(self) -> Iterator[Viewer]:
        """Use the connection of the ``with`` block we are in, or one of our own."""
        if (viewer := self._viewer) is not None:
            yield viewer
        else:
            with closing(Viewer(self._server, self.name)) as viewer:
                yield viewer


def _tap(viewer: Viewer, keysyms: Sequence[int]) -> None:
    for keysym in keysyms:
        viewer.key(keysym, down=True)
    for keysym in reversed(keysyms):
        viewer.key(keysym, down=False)
    time.sleep(_KEY_PAUSE)


# -- without a name: the first desktop ----------------------------------------------------------------------------


def list() -> tuple[Desktop, ...]:  # noqa: A001 - desktop.list() is how one says it
    """Return the user's desktops, the first of them is the one that is meant where no name is given."""
    server = find()
    return tuple(Desktop(server, row["name"], row["title"]) for row in server.call("GET", "api/targets"))


def get(name: str | None = None) -> Desktop:
    """Return a desktop by its name, or the first.

    Raises:
        NotebookError: there is none.
    """
    found = list()
    if name is None and found:
        return found[0]
    for one in found:
        if one.name == name:
            return one
    names = ", ".join(repr(one.name) for one in found)
    raise NotebookError(f"There is no desktop {name!r}; there are: {names}." if found else "You have no desktops.")


def show(name: str | None = None, width: str = "100%", height: int = 600) -> Frame:
    """See :meth:`Desktop.show`."""
    return get(name).show(width, height)


def start(name: str | None = None) -> Desktop:
    """See :meth:`Desktop.start`."""
    return get(name).start()


def restart(name: str | None = None) -> Desktop:
    """See :meth:`Desktop.restart`."""
    return get(name).restart()


def stop(name: str | None = None) -> None:
    """See :meth:`Desktop.stop`."""
    get(name).stop()


def screenshot(name: str | None = None) -> Image:
    """See :meth:`Desktop.screenshot`."""
    return get(name).screenshot()


def type_text(text: str, name: str | None = None) -> None:
    """See :meth:`Desktop.type_text`."""
    get(name).type_text(text)


def press(combination: str, name: str | None = None) -> None:
    """See :meth:`Desktop.press`."""
    get(name).press(combination)


def click(x: int, y: int, button: str = "left", name: str | None = None) -> None:
    """See :meth:`Desktop.click`."""
    get(name).click(x, y, button)


def wait_for_colour(
    colour: str | tuple[int, int, int],
    at: tuple[int, int] | None = None,
    name: str | None = None,
    *,
    tolerance: int = TOLERANCE,
    timeout: float = PATIENCE,
) -> tuple[int, int]:
    """See :meth:`Desktop.wait_for_colour`."""
    return get(name).wait_for_colour(colour, at, tolerance=tolerance, timeout=timeout)


def wait_until_still(seconds: float = 0.5, name: str | None = None, *, timeout: float = PATIENCE) -> None:
    """See :meth:`Desktop.wait_until_still`."""
    get(name).wait_until_still(seconds, timeout=timeout)


def _target(server: Server, name: str) -> dict[str, Any]:
    for row in server.call("GET", "api/targets"):
        if row["name"] == name:
            return dict(row)
    raise NotebookError(f"There is no desktop {name!r} any more.")
