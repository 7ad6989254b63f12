"""The token store of one process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from jupyter_vnc.throttling import Clock
from jupyter_vnc.tokens import Grant, TokenStore, note_stranger, too_many_unused


@dataclass(slots=True)
class _Entry:
    grant: Grant
    expires: float
    strangers: int = 0


class MemoryTokenStore(TokenStore):
    """Tokens in this process: for one server. Every method runs in one step of the event loop, so it is atomic."""

    def __init__(self, *, clock: Clock = time.monotonic, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    async def put(self, digest: str, grant: Grant, ttl: float) -> None:
        """Keep a grant; see :meth:`TokenStore.put`. A full store refuses new tokens and evicts none."""
        self._purge()
        mine = [entry.expires for entry in self._entries.values() if entry.grant.user == grant.user]
        if len(mine) >= self.per_user or len(self._entries) >= self.total:
            oldest = min(mine or [entry.expires for entry in self._entries.values()])
            raise too_many_unused(oldest - self._clock())
        self._entries[digest] = _Entry(grant, self._clock() + ttl)

    async def take(self, digest: str, user: str) -> Grant | None:
        """Take out this user's grant; see :meth:`TokenStore.take`."""
        entry = self._entries.get(digest)
        if entry is None or entry.expires <= self._clock():
            return None
        if entry.grant.user != user:
            entry.strangers += 1
            if note_stranger(digest, entry.strangers):
                del self._entries[digest]
            return None
        del self._entries[digest]
        return entry.grant

    async def revoke(self, *, user: str | None = None, target: str | None = None) -> int:
        """Drop unused grants; see :meth:`TokenStore.revoke`."""
        doomed = [
            digest
            for digest, entry in self._entries.items()
            if user in (None, entry.grant.user) and target in (None, entry.grant.target)
        ]
        for digest in doomed:
            del self._entries[digest]
        return len(doomed)

    def _purge(self) -> None:
        now = self._clock()
        self._entries = {digest: entry for digest, entry in self._entries.items() if entry.expires > now}
