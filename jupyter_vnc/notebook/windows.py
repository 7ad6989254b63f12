"""The windows of a managed desktop, as a program knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from jupyter_vnc.escaping import printable

from .pictures import Area


class Window(NamedTuple):
    """A window of a desktop.

    It has a title, which may be empty; an area, where it is on the screen without its frame; it is shown unless it is
    minimised, and focused if it has the keys; ``ident`` is its number in the X server.
    """

    title: str
    area: Area
    shown: bool
    focused: bool
    ident: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return a window as the server describes it."""
        area = Area(row["x"], row["y"], row["width"], row["height"])
        return cls(row["title"], area, row["shown"], row["focused"], row["id"])


def titled(windows: Iterable[Window], title: str) -> Window | None:
    """Return the newest window that has a title, or else the newest whose title contains it, in upper or lower case."""
    newest = [*windows][::-1]
    exact = (window for window in newest if window.title == title)
    similar = (window for window in newest if title.casefold() in window.title.casefold())
    return next(exact, None) or next(similar, None)


def names(windows: Iterable[Window]) -> str:
    """Return the titles as a sentence names them."""
    return ", ".join(repr(printable(window.title)) for window in windows) or "none"
