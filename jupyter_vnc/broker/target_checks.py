"""Trials: log in to targets to find out whether they answer, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import VNCError
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User

from .access.kinds import AccessKinds

#: Trials at once; each needs a connection and, for a password command, a process.
MAX_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """What a trial found: the target, its machine if it is a pool, whether it answered, and a sentence."""

    target: str
    machine: str
    good: bool
    sentence: str

    @property
    def line(self) -> str:
        """For people."""
        place = f"{self.target}/{self.machine}" if self.machine else self.target
        return f"{place}: {'FAILED: ' * (not self.good)}{self.sentence}"

    def public(self) -> dict[str, Any]:
        """For programs."""
        machine = self.machine or None
        return {"target": self.target, "machine": machine, "ok": self.good, "message": printable(self.sentence)}


async def try_all(
    targets: Iterable[Target], user: User, kinds: AccessKinds, connector: Connector
) -> AsyncIterator[Finding]:
    """Try targets, :data:`MAX_AT_ONCE` at a time, and yield what is found in their order."""
    turns = asyncio.Semaphore(MAX_AT_ONCE)
    trials = [
        asyncio.create_task(_try(target.name, suffix.lstrip("/"), try_it, turns))
        for target in targets
        for suffix, try_it in kinds.of(target).trials(target, user, connector)
    ]
    try:
        for trial in trials:
            yield await trial
    finally:
        for trial in trials:
            trial.cancel()


async def _try(target: str, machine: str, try_it: Callable[[], Awaitable[str]], turns: asyncio.Semaphore) -> Finding:
    async with turns:
        try:
            return Finding(target, machine, True, await try_it())
        except VNCError as error:
            return Finding(target, machine, False, error.log_line)
