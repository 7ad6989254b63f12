"""With whom the owner of a server shares it through the hub, and for what."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

from jupyter_vnc.system.logs import Log

#: For how long an answer counts (seconds), unless the hub's client is told to remember for a shorter time.
MEMORY: Final = 30.0


class Shares:
    """Asks the hub, with the server's own token, which needs ``read:shares!server`` for it.

    The browser's token does not say it: the hub makes it of the user's roles, and leaves out what was shared with him.
    A hub that does not answer leaves what was known.
    """

    def __init__(self, hub_auth: HubAuth, owner: str, server: str, log: Log) -> None:
        self._hub = hub_auth
        self._url = f"{hub_auth.api_url}/shares/{quote(owner, safe='@~')}/{quote(server, safe='@~')}"
        self._log = log
        self._known: list[dict[str, Any]] = []
        self._asked_at = float("-inf")

    async def scopes_of(self, name: str, groups: Iterable[str]) -> frozenset[str]:
        """Return what is shared with a user, or with a group that he is in. That it is nothing, is always asked."""
        mine = {("user", name), *(("group", group) for group in groups)}
        old = time.monotonic() - self._asked_at >= min(MEMORY, self._hub.cache_max_age)
        if old or not self._of(mine):
            await self._ask()
        return self._of(mine)

    def _of(self, mine: set[tuple[str, str]]) -> frozenset[str]:
        rows = [row for row in self._known if (row["kind"], (row["user"] or row["group"])["name"]) in mine]
        return frozenset(scope for row in rows for scope in row["scopes"])

    async def _ask(self) -> None:
        try:
            # The hub's client has no public method for other paths of its API.
            answer = await self._hub._api_request("GET", self._url)  # noqa: SLF001
        except HTTPError as error:
            self._log.warning("The hub does not tell with whom this server is shared: %s", error.log_message)
            return
        self._known = answer["items"]
        self._asked_at = time.monotonic()
