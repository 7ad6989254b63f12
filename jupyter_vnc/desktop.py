r"""Desktops from a notebook: show one in a cell, start and stop it, look at it, type, wait for what it shows.

    from jupyter_vnc import desktop

    desktop.show()                       # in the cell
    desktop.screenshot()                 # as an image in the cell
    desktop.type_text("ls\n")
    desktop.wait_for("ready.png")        # a piece of a screenshot

    d = await desktop.get_async("lab-1")
    await d.click(100, 100)

Without a name all of them mean the user's first desktop. Everything goes through the Jupyter server that the notebook
belongs to, with the permissions of its user. Errors are :class:`NotebookError` with a sentence; those that miss
something on the screen are :class:`NotSeen`, and show it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from .notebook.asynchronous import AsyncDesktop
from .notebook.desktop import Desktop, all_of, named
from .notebook.frame import Frame
from .notebook.not_seen import NotSeen
from .notebook.pictures import Area
from .notebook.server import NotebookError
from .notebook.server import find as find_server
from .notebook.watching import PATIENCE, TOLERANCE
from .notebook.windows import Window

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "Area",
    "AsyncDesktop",
    "Desktop",
    "NotSeen",
    "NotebookError",
    "Window",
    "click",
    "drag",
    "find",
    "focus",
    "get",
    "get_async",
    "list",
    "press",
    "restart",
    "screenshot",
    "scroll",
    "show",
    "start",
    "stop",
    "text",
    "type_text",
    "wait_for",
    "wait_for_colour",
    "wait_until_still",
    "windows",
]


def list() -> tuple[Desktop, ...]:  # noqa: A001 - desktop.list() is how one says it
    """Return the user's desktops, the first of them is the one that is meant where no name is given."""
    return all_of(find_server())


def get(name: str | None = None) -> Desktop:
    """Return a desktop by its name, or the first.

    Raises:
        NotebookError: there is none.
    """
    return named(find_server(), name)


async def get_async(name: str | None = None) -> AsyncDesktop:
    """Return the async twin of a desktop by its name, or of the first.

    Raises:
        NotebookError: there is none.
    """
    return AsyncDesktop(await asyncio.to_thread(get, name))


# -- without a name: the first desktop ----------------------------------------------------------------------------


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


def find(image: Image | Path | str, name: str | None = None, *, tolerance: int = TOLERANCE) -> Area | None:
    """See :meth:`Desktop.find`."""
    return get(name).find(image, tolerance=tolerance)


def text(area: tuple[int, int, int, int] | None = None, name: str | None = None, *, language: str = "eng") -> str:
    """See :meth:`Desktop.text`."""
    return get(name).text(area, language=language)


def type_text(text: str, name: str | None = None) -> None:
    """See :meth:`Desktop.type_text`."""
    get(name).type_text(text)


def press(combination: str, name: str | None = None) -> None:
    """See :meth:`Desktop.press`."""
    get(name).press(combination)


def click(x: int, y: int, button: str = "left", name: str | None = None) -> None:
    """See :meth:`Desktop.click`."""
    get(name).click(x, y, button)


def drag(start: tuple[int, int], end: tuple[int, int], button: str = "left", name: str | None = None) -> None:
    """See :meth:`Desktop.drag`."""
    get(name).drag(start, end, button)


def scroll(x: int, y: int, down: int = 0, right: int = 0, name: str | None = None) -> None:
    """See :meth:`Desktop.scroll`."""
    get(name).scroll(x, y, down, right)


def wait_for(
    image: Image | Path | str, name: str | None = None, *, tolerance: int = TOLERANCE, timeout: float = PATIENCE
) -> Area:
    """See :meth:`Desktop.wait_for`."""
    return get(name).wait_for(image, tolerance=tolerance, timeout=timeout)


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


def windows(name: str | None = None) -> tuple[Window, ...]:
    """See :meth:`Desktop.windows`."""
    return get(name).windows()


def focus(title: str, name: str | None = None, *, timeout: float = PATIENCE) -> Window:
    """See :meth:`Desktop.focus`."""
    return get(name).focus(title, timeout=timeout)
