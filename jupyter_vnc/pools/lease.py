"""What a pool keeps: leases, places in its queue, machines set aside; and how each is saved and loaded.

Times are seconds of a wall clock, because all this outlives the process. What is read is checked: a time that is later
than now was written before the clock was set back, and counts as now.
"""

from __future__ import annotations

import reprlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from jupyter_vnc.model.addresses import MAX_RETRY
from jupyter_vnc.throttling import Clock

#: Seconds that a place in the queue is kept for somebody who is absent, and a machine for somebody who never used it.
GRACE: Final = 120.0
#: Seconds before the end of an idle lease at which its user is told, if they watch the desktop.
NOTICE: Final = 120.0
#: How old the last use of a machine may be that another process of the service has told (seconds): it is saved after
#: half a minute, and read a moment later.
LAG: Final = 45.0
#: The largest valid count of failures or time in seconds (in the year 33,658).
MAX_NUMBER: Final = 1e12
#: After this many failures in a row, a machine is taken away even from a user who has worked on it.
MAX_FAILURES: Final = 3


#: What is saved of a lease. (``dataclasses.asdict`` copies deeply: a millisecond for 200 leases, in the event loop.)
_LEASE: Final = ("id", "user", "key", "name", "since", "last_use", "last_input", "used", "failures")


def steady_clock(wall: Clock = time.time, monotonic: Clock = time.monotonic) -> Clock:
    """Return a clock that starts at the wall clock's time and then advances monotonically."""
    offset = wall() - monotonic()
    return lambda: offset + monotonic()


@dataclass(slots=True)
class Lease:
    """A user's machine. ``key`` and ``name`` are the machine's; ``used`` means that they have been on it.

    ``last_use`` is updated by connections and input, ``last_input`` by input only. ``failures`` counts those in a row.
    """

    user: str
    key: str
    name: str
    since: float
    last_use: float
    last_input: float | None = None
    used: bool = False
    failures: int = 0
    #: Tells it from another lease of the same user and machine; empty if an older version has made it.
    id: str = ""
    #: When the user was told that it is about to end because they do nothing; not saved.
    warned: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As the state has it."""
        return {name: getattr(self, name) for name in _LEASE}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], now: float) -> Lease:
        """Load it.

        Raises:
            ValueError: it is not valid; also KeyError.
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
            id=_word(raw["id"]) if raw.get("id") else "",
        )


@dataclass(slots=True)
class Waiter:
    """A user in the queue. ``seen`` is when they were last known to be present."""

    user: str
    since: float
    seen: float
    present: bool = True

    def to_json(self) -> dict[str, Any]:
        """As the state has it: whether they are present is not saved."""
        return {"user": self.user, "since": self.since}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], now: float) -> Waiter:
        """Load it: the user is absent, and was seen just now.

        Raises:
            ValueError: it is not valid; also KeyError.
        """
        return cls(_word(raw["user"]), _past(raw["since"], now), now, present=False)


@dataclass(slots=True)
class Trouble:
    """A machine that failed: how often in a row, and until when it is set aside."""

    failures: int
    until: float

    def to_json(self) -> dict[str, Any]:
        """As the state has it."""
        return {"failures": self.failures, "until": self.until}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], now: float) -> Trouble:
        """Load it.

        Raises:
            ValueError: it is not valid; also KeyError.
        """
        return cls(int(_number(raw["failures"])), _past(raw["until"], now + MAX_RETRY))


@dataclass(slots=True)
class Kept:
    """All that a pool keeps: leases by user, the queue, and each machine's trouble and when it was freed, by key."""

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
        """Load it.

        Raises:
            ValueError: it is not what :meth:`to_json` wrote; names the mistake.
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
            raise ValueError("a user or a machine occurs twice")
        return cls({lease.user: lease for lease in leases}, queue, troubles, freed)


def is_same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two leases of a user are one, by the keys and ids of both; an older version writes no id."""
    return one[0] == other[0] and (one[1] == other[1] or not (one[1] and other[1]))


def written(when: float | None) -> str | None:
    """Write a time as REST has it."""
    return None if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def span(seconds: float) -> str:
    """Write a time for a person: in hours or minutes where these are whole, otherwise in seconds."""
    for length, unit in ((3600, "h"), (60, "min")):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{reprlib.repr(value)} is not a valid number here")
    return float(value)


def _past(value: object, latest: float) -> float:
    return min(_number(value), latest)


def _word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{reprlib.repr(value)} is not a name")
    return value
