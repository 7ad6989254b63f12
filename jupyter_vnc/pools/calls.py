"""The calls that wait for a machine: whose they are, and what wakes them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class Calls:
    """Counts the calls for each user of each target."""

    def __init__(self) -> None:
        self._count: Counter[tuple[str, str]] = Counter()
        self._news = asyncio.Event()

    def __getitem__(self, call: tuple[str, str]) -> int:
        """Return how many calls of a user, named first, wait for a machine of a target."""
        return self._count[call]

    def users(self) -> Collection[tuple[str, str]]:
        """List the users who wait, each with the name of the target."""
        return self._count.keys()

    @contextmanager
    def of(self, user: str, name: str) -> Iterator[None]:
        """Count a call as long as it waits."""
        call = (user, name)
        self._count[call] += 1
        try:
            yield
        finally:
            self._count[call] -= 1
            if not self._count[call]:
                del self._count[call]

    @property
    def news(self) -> asyncio.Event:
        """What the next change sets; taken before one looks, so that none is missed."""
        return self._news

    def wake(self) -> None:
        """Have all calls look again."""
        self._news.set()
        self._news = asyncio.Event()
