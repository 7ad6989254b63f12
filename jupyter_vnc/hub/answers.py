"""Answers of the hub, remembered: who waits for one, and who is served with the last one meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from cachetools import TTLCache

V = TypeVar("V")

#: For how long an answer is served while the hub is asked anew (seconds): as long as sessions go by default until they
#: are checked again.
STALE: Final = 300.0
#: For how long an answer is waited for before the last one is served (seconds). A hub that is not busy answers sooner,
#: so that a logout counts at once.
PATIENCE: Final = 0.25
#: Maximum number of remembered answers.
MAX_ANSWERS: Final = 10_000


class Answers(Generic[V]):
    """Remembers answers by key. One question for a key is on its way at a time, however many wait for its answer.

    Args:
        fresh: for how long an answer counts without a question (seconds).
        clock: tells the time (seconds).
    """

    def __init__(self, fresh: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh = fresh
        self._clock = clock
        self._known: TTLCache[Hashable, tuple[V, float]] = TTLCache(MAX_ANSWERS, max(fresh, STALE), clock)
        self._asking: dict[Hashable, asyncio.Task[V]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        """Return an answer: a fresh one, a new one, or the last one if the new one takes its time.

        That there is nothing (None) is never served after its time. An error of ``ask`` is raised, unless the last
        answer was served before.
        """
        known = self._known.get(key)
        if known is not None and self._clock() - known[1] < self._fresh:
            return known[0]
        task = self._asking.get(key) or self._begin(key, ask)
        if known is None or known[0] is None:
            return await asyncio.shield(task)
        await asyncio.wait({task}, timeout=PATIENCE)
        return task.result() if task.done() else known[0]

    def put(self, key: Hashable, answer: V) -> None:
        """Remember an answer that came another way."""
        self._known[key] = (answer, self._clock())

    def _begin(self, key: Hashable, ask: Callable[[], Awaitable[V]]) -> asyncio.Task[V]:
        task = self._asking[key] = asyncio.create_task(self._ask(key, ask))
        task.add_done_callback(_look_at)
        return task

    async def _ask(self, key: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        try:
            answer = await ask()
            self.put(key, answer)
            return answer
        finally:
            del self._asking[key]


def _look_at(task: asyncio.Task[V]) -> None:
    """Take notice of an error, for which nobody may be waiting any more."""
    if not task.cancelled():
        task.exception()
