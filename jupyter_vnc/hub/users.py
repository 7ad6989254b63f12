"""Known users of a hub: those who have logged in here, and those for whom the hub is asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from cachetools import FIFOCache, TTLCache

from jupyter_vnc.model.users import User
from jupyter_vnc.system.logs import Log, one_line

from .client import Client, NoAnswer

#: For how long an answer counts (seconds).
MEMORY: Final = 60.0
#: The longest name that a hub's database has (characters).
LONGEST: Final = 255
#: Maximum number of cached users.
MAX_KNOWN: Final = 10_000


class People:
    """Other users' groups, by name. The service's role permits it to ask the hub: ``read:users:groups``.

    If the hub refuses or does not answer, the groups of the user's last visit apply.
    """

    def __init__(self, hub: Client, log: Log, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._log = one_line(log)
        self._known: FIFOCache[str, User] = FIFOCache(MAX_KNOWN)
        #: Those of them whom the hub need not be asked for yet.
        self._fresh: TTLCache[str, User] = TTLCache(MAX_KNOWN, MEMORY, clock)

    def note(self, model: dict[str, Any]) -> User:
        """Remember a user's model as the hub gave it; return the user."""
        user = User(model["name"], frozenset(model.get("groups") or ()), bool(model.get("admin")))
        self._known[user.name] = self._fresh[user.name] = user
        return user

    async def find(self, name: str) -> User | None:
        """Return a user by name; None if there is none."""
        if name in {".", ".."} or len(name) > LONGEST:
            # Not names of users; and in a path the first two lead to other parts of the hub's API.
            return None
        if (user := self._fresh.get(name)) is not None:
            return user
        try:
            return self.note(await self._hub.get(f"users/{quote(name, safe='')}"))
        except NoAnswer as error:
            self._log.warning("The hub does not tell who %.64r is: %s", name, error)
            return self._known.get(name)
