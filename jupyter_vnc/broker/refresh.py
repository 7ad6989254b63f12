"""Looks targets up again while people use them: a pool may get a machine, or lose one, at any time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from logging import Logger, LoggerAdapter
from typing import Any, Final

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.system.logs import one_line

from .catalogue import Catalogue

#: Interval at which the targets of live sessions are looked up (seconds). Sources answer from memory.
INTERVAL: Final = 1.0
#: The same after a source that failed: it writes a traceback each time.
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
        """Look up each target that may change and has a session; the catalogue notes it.

        Returns:
            Whether it is known of all what they are now, or that they are gone: no source failed.
        """
        sessions: defaultdict[str, list[Session]] = defaultdict(list)
        for session in self._registry:
            if self._kinds.of(session.target).may_change:
                sessions[session.target.name].append(session)
        return all([await self._look_for(of_target) for of_target in sessions.values()])

    async def _look_for(self, sessions: list[Session]) -> bool:
        """Look one target up, for one owner after the other until there is one who has it."""
        name, kind = sessions[0].target.name, self._kinds.of(sessions[0].target)
        for owner in {session.owner.name: session.owner for session in sessions}.values():
            target, failed = await self._catalogue.look_up(owner, name)
            if failed:
                return False
            if target is not None and self._kinds.of(target) is kind:
                return True
        kind.lost(name)
        return True
