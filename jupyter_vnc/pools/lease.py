"""What a pool keeps: leases, places in its queue, machines set aside; and how each is written down and read again.

Times are seconds of a wall clock, because all this outlives the process. What is read is checked: a time that is later
than now was written by a clock that has been set back since, and counts as now.
"""

from __future__ import annotations

import reprlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from jupyter_vnc.model.addresses import MAX_RETRY
from jupyter_vnc.throttling import Clock

#: Seconds that a place in the queue is kept for somebody who is absent, and a machine for somebody who never used it.
GRACE: Final = 120.0
#: Neither a count of failures nor a time in seconds is larger: it is the year 33,658.
MAX_NUMBER: Final = 1e12
#: So many failures in a row take a machine away from a user who has worked on it.
MAX_FAILURES: Final = 3


def steady_clock(wall: Clock = time.time, monotonic: Clock = time.monotonic) -> Clock:
    """Return a clock that starts at the wall clock's time and then goes at its own pace, whatever the wall's does."""
    offset = wall() - monotonic()
    return lambda: offset + monotonic()


@dataclass(slots=True)
class Lease:
    """A user's machine. ``key`` and ``name`` are the machine's; ``used`` says that he has been on it.

    ``last_use`` moves when he connects or does something, ``last_input`` only then. ``failures`` are those in a row.
    """

    user: str
    key: str
    name: str
    since: float
    last_use: float
    last_input: float | None = None
    used: bool = False
    failures: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the state has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], now: float) -> Lease:
        """Read it again.

        Raises:
            ValueError: it is none; also KeyError.
        """
        return cls(
            user=_word(raw["user"]),
            key=_word(raw["key"]),
            name=_word(raw["name"]),
            since=_past(raw["since"], now),
            last_use=_past(raw["last_use"], now),
            last_input=None if raw["last_input"] is None else _past(raw["last_input"], now),
            used=raw["used"] is True,
            failures=int(_number(raw["failures"])),
        )


@dataclass(slots=True)
class Waiter:
    """Somebody in the queue. ``seen`` is when he was last known to be present."""

    user: str
    since: float
    seen: float
    present: bool = True

    def to_json(self) -> dict[str, Any]:
        """As the state has it: whether he is present is not written down."""
        return {"user": self.user, "since": self.since}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], now: float) -> Waiter:
        """Read it again: he is absent, and was seen just now.

        Raises:
            ValueError: it is none; also KeyError.
        """
        return cls(_word(raw["user"]), _past(raw["since"], now), now, present=False)


@dataclass(slots=True)
class Trouble:
    """A machine that failed: how often in a row, and until when it is set aside."""

    failures: int
    until: float

    def to_json(self) -> dict[str, Any]:
        """As the state has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], now: float) -> Trouble:
        """Read it again.

        Raises:
            ValueError: it is none; also KeyError.
        """
        return cls(int(_number(raw["failures"])), _past(raw["until"], now + MAX_RETRY))


@dataclass(slots=True)
class Kept:
    """All that a pool keeps: leases by user, the queue, and by a machine's key its trouble and when it was freed."""

    leases: dict[str, Lease]
    queue: list[Waiter]
    troubles: dict[str, Trouble]
    freed: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As the state has it."""
        return {
            "leases": [lease.to_json() for lease in self.leases.values()],
            "queue": [waiter.to_json() for waiter in self.queue],
            "set_aside": {key: trouble.to_json() for key, trouble in self.troubles.items()},
            "freed": dict(self.freed),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], now: float) -> Kept:
        """Read it again.

        Raises:
            ValueError: it is not what :meth:`to_json` wrote; says what is wrong.
        """
        try:
            leases = [Lease.from_json(item, now) for item in raw["leases"]]
            queue = [Waiter.from_json(item, now) for item in raw["queue"]]
            troubles = {_word(key): Trouble.from_json(item, now) for key, item in raw["set_aside"].items()}
            freed = {_word(key): _past(when, now) for key, when in raw["freed"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {reprlib.repr(str(error))}") from None
        users = [lease.user for lease in leases] + [waiter.user for waiter in queue]
        if len(set(users)) < len(users) or len({lease.key for lease in leases}) < len(leases):
            raise ValueError("a user or a machine is there twice")
        return cls({lease.user: lease for lease in leases}, queue, troubles, freed)


def written(when: float | None) -> str | None:
    """Write a time as REST has it."""
    return None if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{reprlib.repr(value)} is no number that may stand there")
    return float(value)


def _past(value: object, latest: float) -> float:
    return min(_number(value), latest)


def _word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{reprlib.repr(value)} is no name")
    return value
