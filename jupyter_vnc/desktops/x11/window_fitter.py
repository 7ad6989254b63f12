"""A program that lets an application have the whole screen of a desktop on which no window manager runs.

It runs :func:`main` in an interpreter of its own, as one more program of the desktop, and imports the standard library
and its like only.

Windows fill the screen, and follow its size; dialogs, and windows that cannot be as large, are centred. The newest
window has the keys, or the one that was clicked. What wants to be left alone (menus, hints) is. As soon as a window
manager runs, windows get back the place that they had chosen, and the program ends: a session script may take its
time to start its window manager.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import protocol as x11
from . import requests
from .connection import Link
from .protocol import Event, Geometry

#: How often a window that chooses another size than the screen's is made to fill it again, at each size of the screen.
INSISTENCE: Final = 3

#: The largest size of a window (pixels), as of anything in the protocol.
_MOST: Final = 32767

#: Types of windows (Extended Window Manager Hints), and whether they fill the screen (None: they are left alone).
_TYPES: Final[Mapping[str, bool | None]] = {
    "NORMAL": True,
    **dict.fromkeys(("DIALOG", "UTILITY", "SPLASH", "TOOLBAR"), False),
    **dict.fromkeys(("DESKTOP", "DOCK", "NOTIFICATION", "TOOLTIP", "DND"), None),
    **dict.fromkeys(("COMBO", "MENU", "DROPDOWN_MENU", "POPUP_MENU"), None),
}

#: Flags in WM_NORMAL_HINTS and WM_HINTS (ICCCM 4.1.2), and the words that they are about.
_MIN_SIZE, _MAX_SIZE, _INPUT = 1 << 4, 1 << 5, 1 << 0


@dataclass(slots=True)
class Window:
    """A window that we have placed."""

    ident: int
    #: The window that it belongs to; 0 for none.
    owner: int
    fills: bool
    #: Smallest and largest size that it can have (pixels).
    least: tuple[int, int]
    most: tuple[int, int]
    #: Where it was.
    was: Geometry
    #: Where we want it, the number of the request that said so, and how often we repeat it.
    wanted: Geometry
    request: int = 0
    patience: int = INSISTENCE


def place(window: Window, width: int, height: int) -> Geometry:
    """Return where a window belongs on a screen: as large as the screen and the window permit, and in the middle."""
    border = 0 if window.fills else window.was.border
    wide, high = (
        max(least, min(screen - 2 * border, most))
        for screen, least, most in zip((width, height), window.least, window.most, strict=True)
    )
    x, y = (max(0, (screen - size) // 2 - border) for screen, size in ((width, wide), (height, high)))
    return Geometry(x, y, wide, high, border)


def sizes(hints: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the smallest and the largest size that a window says it can have (WM_NORMAL_HINTS)."""
    flags, *_ = hints or (0,)
    least, most = (1, 1), (_MOST, _MOST)
    if flags & _MIN_SIZE and len(hints) > 6:
        least = _within(hints[5]), _within(hints[6])
    if flags & _MAX_SIZE and len(hints) > 8:
        most = _within(hints[7]), _within(hints[8])
    return least, most


def _within(size: int) -> int:
    return max(1, min(size, _MOST))


class Keeper:
    """Keeps the windows of one screen in their places."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._root = link.screen.root
        self._size = link.screen.width, link.screen.height
        #: In the order in which they had the keys: the last one has them.
        self._windows: dict[int, Window] = {}
        self._atoms: dict[str, int] = {}
        self._types = {self._atom(f"_NET_WM_WINDOW_TYPE_{name}"): fills for name, fills in _TYPES.items()}

    def run(self) -> None:
        """Return as soon as a window manager runs."""
        self._link.send(requests.select_events(self._root, x11.STRUCTURE | x11.SUBSTRUCTURE))
        self._watch_buttons()
        if self._is_managed():
            return
        tree = self._link.ask(requests.query_tree(self._root))
        for window in x11.children(tree) if tree else ():
            self._adopt(window)
        while True:
            event = self._link.event()
            # Any event may be a window manager's first action: check that before we do anything.
            if self._is_managed():
                break
            self._handlers[event.kind](self, event)
        self._give_back()

    def _watch_buttons(self) -> None:
        """Receive clicks, where the X server reports them without a grab."""
        found = self._link.ask(requests.query_extension("XInputExtension"))
        if found and (code := x11.opcode(found)) and self._link.ask(requests.query_buttons_version(code)):
            self._link.send(requests.select_buttons(code, self._root))

    def _is_managed(self) -> bool:
        """Whether a window manager runs; all of them watch the root window in a way in which only one program can."""
        reply = self._link.ask(requests.get_attributes(self._root))
        return reply is None or bool(x11.attributes(reply).watched & x11.REDIRECT)

    def _give_back(self) -> None:
        """Restore the windows; the window manager receives it as their own request."""
        for window in self._windows.values():
            self._link.send(requests.configure(window.ident, window.was))
        self._link.ask(requests.query_tree(self._root))  # what we have sent has arrived

    # -- events ---------------------------------------------------------------------------------------------------

    def _created(self, event: Event) -> None:
        """Nothing yet: it does not show."""

    def _mapped(self, event: Event) -> None:
        if not event.override:
            self._adopt(event.window)

    def _reparented(self, event: Event) -> None:
        if event.parent != self._root:
            self._gone(event)

    def _gone(self, event: Event) -> None:
        had_keys = event.window == next(reversed(self._windows), 0)
        if self._windows.pop(event.window, None) is not None and had_keys and self._windows:
            self._give_keys(next(reversed(self._windows)))

    def _configured(self, event: Event) -> None:
        if event.geometry is None:
            return
        if event.window == self._root:
            self._resized(event.geometry.width, event.geometry.height)
        elif (window := self._windows.get(event.window)) is not None:
            is_news = event.sequence >= window.request
            if event.geometry != window.wanted and is_news and window.patience:
                window.patience -= 1
                self._insist(window, event.geometry)

    def _insist(self, window: Window, present: Geometry) -> None:
        """Put a window back that went elsewhere; a dialog that has made itself larger or smaller is centred anew."""
        size = present.width, present.height
        if not window.fills and size != (window.wanted.width, window.wanted.height):
            window.least = window.most = size
            self._put(window)
        elif window.fills:
            window.request = self._link.send(requests.configure(window.ident, window.wanted))

    def _resized(self, width: int, height: int) -> None:
        self._size = width, height
        for window in self._windows.values():
            window.patience = INSISTENCE
            self._put(window)

    def _pressed(self, _: Event) -> None:
        """A button was pressed somewhere: the window there gets the keys."""
        reply = self._link.ask(requests.query_pointer(self._root))
        window = self._windows.get(x11.child(reply)) if reply else None
        if window is not None and window.ident != next(reversed(self._windows)):
            if not window.fills:  # else it would cover its own dialogs
                self._link.send(requests.raise_window(window.ident))
            self._give_keys(window.ident)

    _handlers: Final[Mapping[int, Callable[[Keeper, Event], None]]] = {
        x11.CREATED: _created,
        x11.MAPPED: _mapped,
        x11.UNMAPPED: _gone,
        x11.DESTROYED: _gone,
        x11.REPARENTED: _reparented,
        x11.CONFIGURED: _configured,
        x11.GENERIC: _pressed,
    }

    # -- windows --------------------------------------------------------------------------------------------------

    def _adopt(self, ident: int) -> None:
        """Place a window that shows now, above the others but its own dialogs, and give it the keys."""
        if ident in self._windows or (window := self._look_at(ident)) is None:
            return
        self._windows[ident] = window
        self._put(window)
        self._link.send(requests.raise_window(ident))
        for other in self._windows.values():
            if other.owner == ident:
                self._link.send(requests.raise_window(other.ident))
        self._give_keys(ident)

    def _look_at(self, ident: int) -> Window | None:
        """Find out what a window is; None if it is gone, does not show, or wants to be left alone."""
        attributes = self._link.ask(requests.get_attributes(ident))
        geometry = self._link.ask(requests.get_geometry(ident))
        if attributes is None or geometry is None:
            return None
        what, was = x11.attributes(attributes), x11.geometry(geometry)
        if not what.viewable or what.override or what.input_only:
            return None
        owner = self._property(ident, x11.WM_TRANSIENT_FOR)
        kinds = self._property(ident, self._atom("_NET_WM_WINDOW_TYPE"))
        fills = next((self._types[kind] for kind in kinds if kind in self._types), not owner)
        if fills is None:
            return None
        least, most = sizes(self._property(ident, x11.WM_NORMAL_HINTS))
        if not fills or owner:
            most = was.width, was.height
        return Window(ident, owner[0] if owner else 0, fills and not owner, least, most, was, was)

    def _put(self, window: Window) -> None:
        window.wanted = place(window, *self._size)
        window.request = self._link.send(requests.configure(window.ident, window.wanted))

    def _give_keys(self, ident: int) -> None:
        """Give a window the keys, in the way that it wants it (ICCCM 4.1.7)."""
        self._windows[ident] = self._windows.pop(ident)
        flags, takes, *_ = (*self._property(ident, x11.WM_HINTS), 0, 0)
        if takes or not flags & _INPUT:
            self._link.send(requests.focus(ident))
        wish, protocols = self._atom("WM_TAKE_FOCUS"), self._atom("WM_PROTOCOLS")
        if wish in self._property(ident, protocols):
            self._link.send(requests.message(ident, protocols, wish))

    def _property(self, ident: int, name: int) -> tuple[int, ...]:
        reply = self._link.ask(requests.get_property(ident, name))
        return x11.words(reply) if reply else ()

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            reply = self._link.ask(requests.intern_atom(name))
            self._atoms[name] = x11.number(reply) if reply else 0
        return self._atoms[name]


def main(display: str, authority: str) -> None:
    """Keep the windows of a display in place. An error is logged in one line, and ends this program only."""
    try:
        link = Link.open(int(display), Path(authority))
        try:
            Keeper(link).run()
        finally:
            link.close()
    except (OSError, ValueError, struct.error) as error:
        sys.exit(f"Windows are not fitted to the screen any more: {error}")
