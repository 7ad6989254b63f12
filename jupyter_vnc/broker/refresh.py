"""Looks targets up again while people use them: a pool may get a machine, or lose one, at any time."""

from __future__ import annotations

import asyncio
from logging import Logger, LoggerAdapter
from typing import Any, Final

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.model.sessions import SessionRegistry
from jupyter_vnc.system.logs import one_line

from .catalogue import Catalogue

#: Interval at which the targets of live sessions are looked up (seconds). Sources answer from memory.
INTERVAL: Final = 1.0
#: The same after one that was not found: a source that fails writes a traceback each time.
AFTER_FAILURE: Final = 30.0


class Refresher:
    """Without it, a new machine would stay unknown until somebody opened a page, and go to whoever opened it."""

    def __init__(
        self, registry: SessionRegistry, catalogue: Catalogue, kinds: AccessKinds, log: Logger | LoggerAdapter[Any]
    ) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._kinds = kinds
        self._log = one_line(log)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="vnc-refresh")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        pause = INTERVAL
        while True:
            await asyncio.sleep(pause)
            pause = AFTER_FAILURE
            try:
                if await self.look():
                    pause = INTERVAL
            except Exception:  # noqa: BLE001 - whatever one look met, the next one may succeed
                self._log.exception("The targets of pools could not be looked up; trying again")

    async def look(self) -> bool:
        """Look up each target that may change and has a session, for one of its owners; the catalogue notes it.

        Returns:
            Whether all were found.
        """
        owners = {
            session.target.name: session.owner
            for session in self._registry
            if self._kinds.of(session.target).may_change
        }
        found = [await self._catalogue.current(owner, name) for name, owner in owners.items()]
        return None not in found
