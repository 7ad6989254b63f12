"""Turns: how sessions that have much to move share the event loop, with each other and with everything else in it.

One of them alone moves as much at once as a pipe holds. When several have much to move they stand in line, and in each
round of the event loop the first in line have a turn: what else there is to do, a key press, a small update, Jupyter's
own requests, waits for a fraction of a millisecond and not for all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

#: What those in line move together in one round of the event loop (bytes).
ROUND: Final = 256 * 1024


class Mover(Protocol):
    """Somebody who has much to move."""

    def turn(self, most: int) -> int:
        """Move so many bytes at most, at once; return how many. Who wants more stands in line again."""


class Turns:
    """The line of one event loop."""

    def __init__(self) -> None:
        #: How many have much to move.
        self.busy = 0
        self._line: deque[Mover] = deque()
        self._due = False

    @property
    def crowded(self) -> bool:
        """Whether those who have much to move have to stand in line."""
        return self.busy > 1

    def wait(self, mover: Mover) -> None:
        """Stand in line: :meth:`Mover.turn` is called when it is time."""
        self._line.append(mover)
        self._plan()

    def leave(self, mover: Mover) -> None:
        """Stand in line no more."""
        if mover in self._line:
            self._line.remove(mover)

    def _plan(self) -> None:
        if self._line and not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._round)

    def _round(self) -> None:
        """Let the first in line have their turns; then it is the rest of the loop's."""
        left = ROUND
        for _ in range(len(self._line)):
            if left <= 0 or not self._line:
                break
            left -= self._line.popleft().turn(left)
        self._due = False
        self._plan()
