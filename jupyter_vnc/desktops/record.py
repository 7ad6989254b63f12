"""What the manager knows about a desktop besides the desktop: its waiters, its viewers, how often it failed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from jupyter_vnc.exceptions import DesktopFailed, LimitExceeded
from jupyter_vnc.model.targets import State

from .desktop import Desktop

#: Failures are forgotten after so many seconds.
FAILURE_MEMORY: Final = 600.0


class Entry:
    """A desktop in the manager's records."""

    def __init__(self, desktop: Desktop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.desktop = desktop
        #: Held by whoever starts or stops it.
        self.lock = asyncio.Lock()
        #: The start that is under way.
        self.starting: asyncio.Task[None] | None = None
        self.viewers = 0
        self._failures: deque[float] = deque()
        self._clock = clock
        self._last_use = clock()

    # -- those who wait -------------------------------------------------------------------------------------------

    async def started(self) -> None:
        """Wait for the start under way; a waiter that is cancelled does not stop it.

        Raises:
            DesktopFailed: it failed, or somebody stopped it.
        """
        if (task := self.starting) is None:
            return
        await asyncio.wait([task])
        if task.cancelled():
            raise DesktopFailed("The desktop was stopped while it started.")
        task.result()

    async def cancel_start(self) -> None:
        """Stop the start under way, and wait until it has put everything away."""
        if (task := self.starting) is not None:
            if not task.cancelling():
                task.cancel()
            await asyncio.wait([task])

    # -- failures -------------------------------------------------------------------------------------------------

    def note_failure(self) -> None:
        """Count a crash or a start that failed."""
        self._failures.append(self._clock())

    def forgive(self) -> None:
        """Forget the failures: a person asked for another try."""
        self._failures.clear()

    @property
    def failures(self) -> int:
        """How often it failed lately."""
        while self._failures and self._clock() - self._failures[0] > FAILURE_MEMORY:
            self._failures.popleft()
        return len(self._failures)

    def check_failures(self, limit: int) -> None:
        """Refuse another start after too many failures, until a person asks for it.

        Raises:
            DesktopFailed: it failed ``limit`` times lately.
        """
        if (failures := self.failures) >= limit:
            said = f"This desktop failed {failures} times. Start it again by hand. {self.desktop.message}"
            raise DesktopFailed(said.strip())

    # -- use ------------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Note that somebody used it just now."""
        self._last_use = self._clock()

    def is_idle(self, timeout: float) -> bool:
        """Whether it runs without a viewer, and was not used for so many seconds."""
        return self.desktop.state is State.UP and not self.viewers and self._clock() - self._last_use >= timeout


def check_room(desktops: Iterable[Desktop], limit: int) -> None:
    """Refuse one more running desktop where a user has as many as may be.

    Args:
        desktops: the user's others.
        limit: how many may run; 0 for no limit.

    Raises:
        LimitExceeded: so many run, or are starting.
    """
    running = sum(desktop.state in {State.UP, State.STARTING} for desktop in desktops)
    if limit and running >= limit:
        raise LimitExceeded(f"You have {running} running desktops, the limit. Stop one first.")
