"""Who is there: the users who wait for a machine, and those who have theirs on the screen; and whose word counts.

Each process of a service knows its own users only, and tells the others. One that is silent is dead, and its users with
it, until they come to another one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

#: How often a process says that it lives (seconds).
BEAT: Final = 5.0
#: A process that is silent for longer is dead (seconds).
DEAD: Final = 20.0

#: A user of a target: the target's name, and the user's.
Who = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Present:
    """The users who are there. ``watches`` are only those whose own machine it is."""

    waits: frozenset[Who] = frozenset()
    watches: frozenset[Who] = frozenset()

    def __or__(self, other: Present) -> Present:
        return Present(self.waits | other.waits, self.watches | other.watches)

    def waiting(self, name: str) -> set[str]:
        """Return who waits for a machine of a target."""
        return {user for target, user in self.waits if target == name}

    def watching(self, name: str) -> set[str]:
        """Return who has a machine of a target on the screen."""
        return {user for target, user in self.watches if target == name}

    def encode(self) -> str:
        """Write it for other processes: equal for the same users."""
        return json.dumps({"waits": _by_target(self.waits), "watches": _by_target(self.watches)}, sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> Present:
        """Read what another process has written.

        Raises:
            ValueError: it is not that.
        """
        try:
            raw = json.loads(text)
            return cls(_pairs(raw["waits"]), _pairs(raw["watches"]))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None


def is_alive(silent: float, listened: float) -> bool:
    """Whether a process is alive, as far as one can know.

    Args:
        silent: seconds since it has said so.
        listened: seconds for which this process has heard others without a break. After the database was away, every
            process has been silent.
    """
    return silent <= DEAD or listened <= DEAD


def _by_target(users: Iterable[Who]) -> dict[str, list[str]]:
    of: defaultdict[str, list[str]] = defaultdict(list)
    for name, user in sorted(users):
        of[name].append(user)
    return of


def _pairs(raw: Any) -> frozenset[Who]:
    pairs = frozenset((name, user) for name, users in raw.items() for user in users)
    if not all(isinstance(user, str) for _, user in pairs):
        raise ValueError("a name is no string")
    return pairs
