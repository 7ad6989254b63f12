"""Whether the leases are loaded and saved: nothing is given out before they are, and what is wrong is said once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.system.logs import Log

from .lease_keeper import LeaseKeeper

#: Timeout for saving the last changes when the service stops (seconds).
LAST_WRITE: Final = 5.0
#: Timeout for loading the leases at the start (seconds).
READ: Final = 10.0


class Keeping:
    """A :class:`.LeaseKeeper` from the first load to the last save.

    Args:
        keeper: saves and loads.
        log: for what an administrator has to fix.
        loaded: whether there is nothing to load.
    """

    def __init__(self, keeper: LeaseKeeper, log: Log, *, loaded: bool) -> None:
        self.keeper = keeper
        self._log = log
        #: Awaited before the leases are loaded.
        self._before: Callable[[], Awaitable[None]] | None = None
        #: Set once the leases are loaded. Until then no lease is given out and nothing is saved.
        self._loaded = asyncio.Event()
        if loaded:
            self._loaded.set()
        #: Why the leases cannot be loaded at present.
        self._trouble = ""

    def use(self, keeper: LeaseKeeper, before: Callable[[], Awaitable[None]] | None) -> None:
        """Keep them elsewhere; see :meth:`.PoolManager.keep_with`."""
        self.keeper, self._before = keeper, before
        self._loaded.clear()

    @property
    def is_loaded(self) -> bool:
        """Whether the leases are known."""
        return self._loaded.is_set()

    async def load(self, parse: Callable[[Mapping[str, Any]], None]) -> None:
        """Load the leases.

        Raises:
            ConfigError: they cannot be read or written, or another service uses them.
            StoreUnavailable: not now.
        """
        if self._before is not None:
            await self._before()
        await self.keeper.load(parse)
        self._loaded.set()

    async def known(self) -> None:
        """Wait until the leases are loaded; without them, no machines are given out.

        Raises:
            StoreUnavailable: they have not been within :data:`READ` seconds.
        """
        try:
            async with asyncio.timeout(READ):
                await self._loaded.wait()
        except TimeoutError:
            raise StoreUnavailable("The leases have not been loaded yet. Try again in a moment.") from None

    def complain(self, trouble: str) -> None:
        """Log what an administrator has to fix, once: it is tried again every second."""
        if trouble != self._trouble:
            self._log.error("%s. No machine is given out until this is fixed.", trouble)
        self._trouble = trouble

    async def close(self) -> None:
        """Save the last changes, and let another process have the leases."""
        if self.is_loaded:
            await self._save_the_last()
        self.keeper.unlock()

    async def _save_the_last(self) -> None:
        self.keeper.change_due()
        try:
            async with asyncio.timeout(LAST_WRITE):
                await self.keeper.save()
                await self.keeper.leave()
        except (StoreUnavailable, TimeoutError):
            self._log.warning("The last changes to the leases were not saved to %s", self.keeper.place)
