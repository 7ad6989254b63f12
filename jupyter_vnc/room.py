"""The room of those who look after others: who is where, and which machines there are."""

from __future__ import annotations

from typing import Any

from .people import Visitor
from .sessions import SessionRegistry, sees


class Room:
    """What a visitor sees of the people whom he oversees, and nothing of the others."""

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry

    async def rows(self, visitor: Visitor) -> dict[str, Any]:
        """Return the answer to ``GET api/room``."""
        sessions = [session.public() for session in self._registry if sees(visitor, session)]
        return {"sessions": sessions, "machines": []}
