"""What is known of a hub's people: those who came by themselves, and those whom the hub is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

from jupyter_vnc.model.users import User
from jupyter_vnc.system.logs import Log, one_line

#: For how long an answer counts (seconds).
MEMORY: Final = 60.0
#: The longest name that a hub's database has (characters).
LONGEST: Final = 255
#: People that are remembered at most.
MAX_KNOWN: Final = 10_000


class People:
    """Somebody else's groups, by name. The service's role lets it ask the hub: ``read:users:groups``.

    A hub that does not let it, or does not answer, leaves what was known when the person was last here.
    """

    def __init__(self, hub_auth: HubAuth, log: Log, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub_auth
        self._log = one_line(log)
        self._clock = clock
        self._known: dict[str, tuple[User, float]] = {}

    def note(self, model: dict[str, Any]) -> User:
        """Remember a user's model as the hub gave it; return the user."""
        user = User(model["name"], frozenset(model.get("groups") or ()), bool(model.get("admin")))
        self._known.pop(user.name, None)
        self._known[user.name] = (user, self._clock())
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return user

    async def find(self, name: str) -> User | None:
        """Return somebody by name; None for nobody."""
        if name in {".", ".."} or len(name) > LONGEST:
            # Nobody's name; and in a path the first two are other parts of the hub's API.
            return None
        user, when = self._known.get(name, (None, 0.0))
        if user is not None and self._clock() - when < MEMORY:
            return user
        try:
            # The hub's client has no public method for other paths of its API.
            model = await self._hub._api_request("GET", f"{self._hub.api_url}/users/{quote(name, safe='')}")  # noqa: SLF001
        except HTTPError as error:
            self._log.warning("The hub does not tell who %.64r is: %s", name, error.log_message)
            return user
        return self.note(model)
