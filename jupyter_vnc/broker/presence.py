"""Who is at a desktop, told to its viewers: gathered, because a class arrives within seconds.

One note a second and viewer is the most, and it contains what a viewer shows. If each arrival made every viewer ask,
the requests would grow with the square of the people.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, Final

from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User

#: Shortest time between two notes to one viewer (seconds).
PAUSE: Final = 1.0
#: The most people that a note names; it counts the others.
NAMED: Final = 30

Place = tuple[str, ...]


class Presence:
    """Tells the viewers of each desktop who is there.

    Args:
        registry: the live sessions.
        pause: see :data:`PAUSE`.
    """

    def __init__(self, registry: SessionRegistry, *, pause: float = PAUSE) -> None:
        self._registry = registry
        self._pause = pause
        self._pauses: dict[Place, asyncio.TimerHandle] = {}
        self._changed: set[Place] = set()

    def changed(self, place: Place) -> None:
        """Note that somebody came to a desktop or left it: all there are told, now or when the pause is over."""
        if place in self._pauses:
            self._changed.add(place)
        else:
            self._tell(place)

    def close(self) -> None:
        """Tell nobody any more."""
        for pause in self._pauses.values():
            pause.cancel()
        self._pauses.clear()

    def _tell(self, place: Place) -> None:
        here = self._registry.at(place)
        if not any(one.is_here for one in here):
            return
        self._pauses[place] = asyncio.get_running_loop().call_later(self._pause, self._go_on, place)
        ranked = sorted(here, key=lambda one: (one.mode is Mode.VIEW, one.since))
        own: defaultdict[str, list[Session]] = defaultdict(list)
        for session in ranked:
            own[session.user.name].append(session)
        for session in (one for one in here if one.is_here):
            session.note("viewers", viewers=_rows(session.user, own[session.user.name], ranked), count=len(here))

    def _go_on(self, place: Place) -> None:
        del self._pauses[place]
        if place in self._changed:
            self._changed.discard(place)
            self._tell(place)


def _rows(user: User, own: list[Session], ranked: list[Session]) -> list[dict[str, Any]]:
    """The rows for a user's viewers: their own sessions, for a viewer to find itself, then those in control."""
    others = [one for one in ranked[: NAMED + len(own)] if one.user.name != user.name]
    return [one.as_seen_by(user) for one in (*own, *others)[:NAMED]]
