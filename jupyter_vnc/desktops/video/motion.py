"""What counts as motion, by what the X server says has changed. Without I/O and without a clock."""

from __future__ import annotations

from collections import deque
from typing import Final

from .messages import Mode

#: The share of a screen that changes when much does. A terminal that scrolls is above that, typing is below.
MUCH: Final = 0.03
#: So many such changes within so many seconds are motion: ten a second are seen as one, a page that is turned is not.
CHANGES: Final = 5
WITHIN: Final = 0.5
#: Seconds without such a change after which it rests: text has to be sharp within half a second.
REST: Final = 0.2
#: And where anything counts, so that a cursor that blinks does not switch back and forth all the time.
LONG_REST: Final = 1.0
#: Pixels of the largest screen that is shown as video: those of 4K. Browsers decode no larger ones reliably.
LARGEST: Final = 4096 * 2304


class Motion:
    """Decides whether a screen moves."""

    def __init__(self) -> None:
        self._much: deque[float] = deque(maxlen=CHANGES)
        self._last = self._last_much = -1e9
        self._moves = False

    def changed(self, now: float, share: float) -> None:
        """Note that a share of the screen (0 to 1) has changed at a time (seconds)."""
        self._last = now
        if share >= MUCH:
            self._last_much = now
            self._much.append(now)
            self._moves = self._moves or (len(self._much) == CHANGES and now - self._much[0] <= WITHIN)

    def wanted(self, now: float, mode: Mode) -> bool:
        """Whether somebody who wants pictures in a mode gets some now."""
        if self._moves and now - self._last_much > REST:
            self._moves = False
            self._much.clear()
        return self._moves or (mode is Mode.ALWAYS and now - self._last <= LONG_REST)
