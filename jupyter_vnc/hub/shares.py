"""With whom the owner of a server shares it through the hub, and for what.

This module is imported in users' servers, too: see :mod:`~jupyter_vnc.hub.visitors`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from urllib.parse import quote

from jupyter_vnc.system.logs import Log

from .client import Client, NoAnswer
from .models import next_page, shares

#: For how long an answer counts (seconds), unless the hub's client is told to remember for a shorter time.
MEMORY: Final = 30.0

#: The most pages of a list that are read; the hub has 50 rows in each.
MOST_PAGES: Final = 40

T = TypeVar("T")

#: Who has which scopes, as the hub tells it.
_Rows = list[tuple[tuple[str, str], frozenset[str]]]


class Shares:
    """Asks the hub, with the server's own token, which needs ``read:shares!server`` for it.

    The browser's token does not say it: the hub makes it of the user's roles, and leaves out what was shared with them.
    A hub that does not answer leaves what was known.

    Args:
        hub: is asked.
        owner: whose server it is.
        server: the server's name, empty for the first.
        log: is told when the hub does not answer.
        memory: for how long an answer counts (seconds).
        clock: tells the time (seconds).
    """

    def __init__(
        self,
        hub: Client,
        owner: str,
        server: str,
        log: Log,
        *,
        memory: float = MEMORY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._path = path_of("shares", owner, server)
        self._log = log
        self._memory = memory
        self._clock = clock
        self._known: _Rows = []
        self._fresh_until = float("-inf")
        self._removals = 0

    async def scopes_of(self, name: str, groups: Iterable[str]) -> frozenset[str]:
        """Return what is shared with a user, or with a group that they are in. That it is nothing, is always asked."""
        mine = {("user", name), *(("group", group) for group in groups)}
        fresh = self._known if self._clock() < self._fresh_until else []
        return _of(mine, fresh) or _of(mine, await self._ask())

    def forget(self, name: str) -> None:
        """Let a user in no longer whom the owner has removed, also while the hub is away; ask for the others anew."""
        self._removals += 1
        self._fresh_until = float("-inf")
        self._known = [row for row in self._known if row[0] != ("user", name)]

    async def _ask(self) -> _Rows:
        while True:
            removals = self._removals
            try:
                found = await every(self._hub, self._path, shares)
            except (NoAnswer, ValueError) as error:
                self._log.warning("The hub does not report with whom this server is shared: %s", error)
                return self._known
            # An answer that was under way when somebody was removed may have them yet.
            if removals == self._removals:
                self._known, self._fresh_until = found, self._clock() + self._memory
                return found


def path_of(what: str, owner: str, server: str) -> str:
    """Return the path of what the hub knows of a server, below the URL of its API."""
    return "/".join([what, quote(owner, safe="@~"), quote(server, safe="@~")])


async def every(hub: Client, path: str, rows: Callable[[dict[str, Any]], list[T]]) -> list[T]:
    """Return all rows of a list, which the hub has in pages.

    Args:
        hub: is asked.
        path: where the list is.
        rows: reads those of one answer.

    Raises:
        NoAnswer: the hub does not say it.
        ValueError: it says something else.
    """
    answer = await hub.get(path)
    found = rows(answer)
    for _ in range(MOST_PAGES - 1):
        if (offset := next_page(answer)) is None:
            break
        answer = await hub.get(f"{path}?offset={offset}")
        found += rows(answer)
    return found


def _of(mine: set[tuple[str, str]], known: _Rows) -> frozenset[str]:
    return frozenset().union(*(scopes for named, scopes in known if named in mine))
