"""The windows of a display, as its user knows them, and giving one of them the keys.

Where a window manager runs, it is asked, as a panel does it (Extended Window Manager Hints 1.5); elsewhere the windows
are the children of the root window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from . import protocol as x11
from . import requests
from .connection import Link

#: Most windows that are listed; more than a person would find anything among.
MAX_WINDOWS: Final = 256
#: Of a title, so much is read (words of four bytes).
_TITLE: Final = 256
#: How a window manager knows a panel from a program that only wants to be in front.
_PANEL: Final = 2


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window of a program.

    Attributes:
        ident: its number in the X server.
        title: as its frame shows it; empty if it has none.
        place: where it is on the screen, without its frame.
        shown: whether it is not minimised.
        focused: whether it has the keys.
    """

    ident: int
    title: str
    place: x11.Geometry
    shown: bool
    focused: bool

    def public(self) -> dict[str, Any]:
        """As the REST answer has it."""
        x, y, width, height, _ = self.place
        place = {"x": x, "y": y, "width": width, "height": height}
        return {"id": self.ident, "title": self.title, **place, "shown": self.shown, "focused": self.focused}


class Windows:
    """Looks at the windows of one display."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._root = link.screen.root

    def list(self) -> list[OpenWindow]:
        """List the windows, the oldest first; without a window manager, the one behind all others first."""
        found, focused = self._found(), self._focused()
        return [window for ident in found if (window := self._look_at(ident, focused)) is not None]

    def focus(self, ident: int) -> bool:
        """Give a window the keys, in front of the others; False if there is no such window.

        A window manager does it in its own time.
        """
        if ident not in self._found():
            return False
        if self.is_managed():
            wish = self._atom("_NET_ACTIVE_WINDOW")
            self._link.send(requests.ask_manager(self._root, ident, wish, _PANEL))
        else:
            self._link.send(requests.raise_window(ident))
            self._link.send(requests.focus(ident))
        self._link.ask(requests.get_focus())  # what we have sent has arrived
        return True

    def is_managed(self) -> bool:
        """Whether a window manager runs; all of them watch the root window in a way in which only one program can."""
        reply = self._link.ask(requests.get_attributes(self._root))
        return reply is not None and bool(x11.attributes(reply).watched & x11.REDIRECT)

    def _found(self) -> tuple[int, ...]:
        if self.is_managed():
            return self._words(self._root, "_NET_CLIENT_LIST")[:MAX_WINDOWS]
        tree = self._link.ask(requests.query_tree(self._root))
        return tuple(filter(self._is_ordinary, x11.children(tree)[:MAX_WINDOWS] if tree else ()))

    def _focused(self) -> int:
        if self.is_managed():
            return next(iter(self._words(self._root, "_NET_ACTIVE_WINDOW")), 0)
        reply = self._link.ask(requests.get_focus())
        return x11.number(reply) if reply else 0

    def _is_ordinary(self, ident: int) -> bool:
        """Whether a window shows and is none of those that no window manager would touch, such as a menu."""
        reply = self._link.ask(requests.get_attributes(ident))
        what = x11.attributes(reply) if reply else None
        return what is not None and what.viewable and not what.override and not what.input_only

    def _look_at(self, ident: int, focused: int) -> OpenWindow | None:
        """Find out what a window is; None if it is gone."""
        attributes = self._link.ask(requests.get_attributes(ident))
        size = self._link.ask(requests.get_geometry(ident))
        corner = self._link.ask(requests.translate(ident, self._root))
        if attributes is None or size is None or corner is None:
            return None
        (x, y), geometry = x11.point(corner), x11.geometry(size)
        place = geometry._replace(x=x, y=y)
        return OpenWindow(ident, self._title(ident), place, x11.attributes(attributes).viewable, ident == focused)

    def _title(self, ident: int) -> str:
        """Return a title; the older of the two properties has it in Latin-1 (ICCCM 2.7.1)."""
        for name, encoding in ((self._atom("_NET_WM_NAME"), "utf-8"), (x11.WM_NAME, "latin-1")):
            reply = self._link.ask(requests.get_property(ident, name, _TITLE))
            if reply and (said := x11.text(reply)):
                return said.decode(encoding, "replace")
        return ""

    def _words(self, ident: int, name: str) -> tuple[int, ...]:
        reply = self._link.ask(requests.get_property(ident, self._atom(name), MAX_WINDOWS))
        return x11.words(reply) if reply else ()

    def _atom(self, name: str) -> int:
        reply = self._link.ask(requests.intern_atom(name))
        return x11.number(reply) if reply else 0
