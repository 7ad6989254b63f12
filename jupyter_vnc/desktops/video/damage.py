"""Tells what has changed on a display, as the X server reports it (DAMAGE): nothing is compared, rest costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.x11 import protocol as x11
from jupyter_vnc.desktops.x11 import requests
from jupyter_vnc.desktops.x11.connection import Link

#: Seconds for which changes are collected before they are told.
COLLECTED: Final = 1 / 30

#: Told the share of the screen that has changed (0 to 1), and its width and height (pixels).
Changed = Callable[[float, int, int], None]


class Damage:
    """What changes on a display.

    Args:
        link: a connection of its own.

    Raises:
        OSError: the X server is gone.
        ValueError: it has no DAMAGE, or sends what is not of the protocol.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        root, base = link.screen.root, link.screen.base
        self._damage, self._region = base + 1, base + 2
        self._fixes, _ = self._extension("XFIXES")
        self._code, link.also = self._extension("DAMAGE")
        link.ask(requests.query_fixes_version(self._fixes))
        link.ask(requests.query_damage_version(self._code))
        link.send(requests.create_region(self._fixes, self._region))
        link.send(requests.select_events(root, x11.STRUCTURE))
        link.send(requests.create_damage(self._code, self._damage, root))
        now = link.ask(requests.get_geometry(root))
        if now is None:
            raise x11.ProtocolError("it has no screen")
        self._size = x11.geometry(now)

    @classmethod
    def open(cls, display: int, authority: Path) -> Damage:
        """Connect to a display of this machine.

        Raises:
            OSError: there is none.
            ValueError: see :class:`Damage`.
        """
        link = Link.open(display, authority)
        try:
            return cls(link)
        except BaseException:
            link.close()
            raise

    def close(self) -> None:
        """Leave; whoever waits in another thread is told by an ``OSError``."""
        self._link.close()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the screen (pixels)."""
        return self._size.width, self._size.height

    def next(self) -> float:
        """Wait until something changes, collect for a moment, and return the share of the screen that has changed.

        A screen of another size has changed as a whole.

        Raises:
            OSError: the X server is gone.
            ValueError: what it sends is not of the protocol.
        """
        event = self._link.event()
        if event.kind == x11.CONFIGURED:
            if event.geometry is None or event.window != self._link.screen.root:
                return 0.0
            self._size = event.geometry
            return 1.0
        time.sleep(COLLECTED)
        self._link.send(requests.subtract_damage(self._code, self._damage, self._region))
        found = self._link.ask(requests.fetch_region(self._fixes, self._region))
        if found is None:
            raise x11.ProtocolError("it has lost a region")
        return min(1.0, x11.area(found) / max(1, self._size.width * self._size.height))

    def _extension(self, name: str) -> tuple[int, int]:
        reply = self._link.ask(requests.query_extension(name))
        if reply is None or not (code := x11.opcode(reply)):
            raise x11.ProtocolError(f"it has no {name}")
        return code, x11.first_event(reply)


def follow(damage: Damage, changed: Changed, ended: Callable[[str], None]) -> threading.Thread:
    """Tell of changes from a thread, which ends with the process; ``ended`` is told why there are no more."""

    def run() -> None:
        try:
            while True:
                share = damage.next()
                changed(share, *damage.size)
        except (OSError, ValueError) as error:
            ended(str(error))

    thread = threading.Thread(target=run, name="damage", daemon=True)
    thread.start()
    return thread
