"""Sessions with much to move share the event loop in order, and everything else runs between two rounds.

One of them alone moves as much at once as a pipe holds. When several have much to move, they form a queue, and
in each round of the event loop the first ones have a turn: everything else, such as a key press, a small update or
Jupyter's own requests, waits for a fraction of a millisecond and not for all of them.

Beside a session that moves little, the queue rests between two rounds. Otherwise, this process would always have
something to do, and where all cores are busy the system makes such a process wait, for milliseconds, before it may
look at the small update. A process that rests is scheduled at once when something comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

#: What the queue moves in all in one round of the event loop (bytes).
ROUND: Final = 256 * 1024

#: How long it rests between two rounds while a session moves little (seconds); an event loop's timers are no finer.
#: It still moves 2 Gbit in a second.
REST: Final = 0.001

#: How long others make room for a session after it has moved little (seconds).
ATTENTION: Final = 1.0


class Mover(Protocol):
    """A session that has much to move."""

    def turn(self, most: int) -> int:
        """Move at most so many bytes, at once; return how many. A mover that has more joins the queue again."""


class FairScheduler:
    """The queue of the sessions of one event loop that have much to move."""

    def __init__(self) -> None:
        self._busy_movers: set[Mover] = set()
        #: Movers that moved little, and when; the latest is last.
        self._light_movers: dict[Mover, float] = {}
        self._queue: deque[Mover] = deque()
        self._scheduled = False

    @property
    def busy(self) -> int:
        """How many have much to move."""
        return len(self._busy_movers)

    @property
    def crowded(self) -> bool:
        """Whether movers that have much to move have to queue."""
        return self.busy > 1 or self._beside_light_traffic()

    def has_much(self, mover: Mover, much: bool) -> None:
        """Note that a mover has much to move from now on, or no longer."""
        if much:
            self._busy_movers.add(mover)
            self._light_movers.pop(mover, None)
        else:
            self._busy_movers.discard(mover)

    def moved_little(self, mover: Mover) -> None:
        """Note that a mover that has little to move has moved something."""
        self._light_movers.pop(mover, None)
        self._light_movers[mover] = asyncio.get_running_loop().time()

    def _beside_light_traffic(self) -> bool:
        """Whether a mover moves little at this time."""
        last = next(reversed(self._light_movers.values()), None)
        return last is not None and asyncio.get_running_loop().time() - last < ATTENTION

    def wait(self, mover: Mover) -> None:
        """Join the queue: :meth:`Mover.turn` is called when it is time."""
        self._queue.append(mover)
        self._plan()

    def leave(self, mover: Mover) -> None:
        """Leave the queue; others need not make room any more."""
        self.has_much(mover, False)
        self._light_movers.pop(mover, None)
        if mover in self._queue:
            self._queue.remove(mover)

    def _plan(self) -> None:
        if self._queue and not self._scheduled:
            self._scheduled = True
            loop = asyncio.get_running_loop()
            if self._beside_light_traffic():
                loop.call_later(REST, self._round)
            else:
                loop.call_soon(self._round)

    def _round(self) -> None:
        """Let the first of the queue move their bytes; then everything else in the loop runs."""
        left = ROUND
        for _ in range(len(self._queue)):
            if left <= 0 or not self._queue:
                break
            left -= self._queue.popleft().turn(left)
        self._scheduled = False
        self._plan()
