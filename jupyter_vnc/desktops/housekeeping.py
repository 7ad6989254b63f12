"""What is done beside a server's desktops: leftovers are removed, the runtime folder is kept, and idle desktops end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from .processes.runtime_folder import Runtime

#: Seconds between two rounds, at most.
ROUND: Final = 60.0


class Housekeeping:
    """Begins with the first desktop, and goes on until it is closed.

    Args:
        runtime: the server's runtime folder.
        idle_timeout: returns the seconds after which an idle desktop ends, 0 for never; rounds are twice as frequent.
        stop_idle: ends the desktops that are idle; called in each round.
    """

    def __init__(
        self, runtime: Runtime, idle_timeout: Callable[[], float], stop_idle: Callable[[], Awaitable[None]]
    ) -> None:
        self._runtime = runtime
        self._idle_timeout = idle_timeout
        self._stop_idle = stop_idle
        self._rounds: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Before the first start: remove what killed servers left behind; from then on, go the rounds."""
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._go_rounds(), name="vnc-desktop-rounds")
            await self.sweep()

    async def sweep(self) -> int:
        """Remove what servers that were killed left behind; return how many of them."""
        return await asyncio.to_thread(self._runtime.sweep)

    async def close(self) -> None:
        """End the rounds, and wait until they have ended."""
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.wait([self._rounds])

    async def _go_rounds(self) -> None:
        while True:
            await asyncio.sleep(min(ROUND, self._idle_timeout() / 2 or ROUND))
            self._runtime.touch()
            await self._stop_idle()
