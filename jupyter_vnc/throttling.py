"""Rate limits: a token bucket and a circuit breaker, both keyed, bounded and on a monotonic clock.

They are independent of tokens and targets. Keys that are back at their initial state are forgotten,
so memory follows the number of *active* keys.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .exceptions import LimitExceeded

Clock = Callable[[], float]

#: Above this many keys the idle ones are removed before a new one is added.
_SWEEP_AT = 1024


@dataclass(slots=True)
class _Bucket:
    level: float
    updated: float


class RateLimit:
    """A token bucket for each key: ``per_minute`` on average, ``burst`` at once. ``per_minute`` 0 means no limit."""

    def __init__(self, per_minute: float, burst: int, *, what: str, clock: Clock = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._what = what
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def spend(self, key: str) -> None:
        """Take one from the key's bucket.

        Raises:
            LimitExceeded: the bucket is empty; ``retry_after`` says when the next one is there.
        """
        if not self._rate:
            return
        now = self._clock()
        bucket = self._buckets.get(key) or self._add(key, now)
        bucket.level = min(self._burst, bucket.level + (now - bucket.updated) * self._rate)
        bucket.updated = now
        if bucket.level < 1:
            wait = (1 - bucket.level) / self._rate
            raise LimitExceeded(f"Too many {self._what}. Wait a moment and try again.", retry_after=wait)
        bucket.level -= 1

    def _add(self, key: str, now: float) -> _Bucket:
        if len(self._buckets) >= _SWEEP_AT:
            refill = self._burst / self._rate
            self._buckets = {key: item for key, item in self._buckets.items() if now - item.updated < refill}
        bucket = self._buckets[key] = _Bucket(float(self._burst), now)
        return bucket


@dataclass(slots=True)
class _Failures:
    count: int
    last: float
    open_until: float = 0.0


class Breaker:
    """Stops trying after ``failures`` in a row, for ``open_for`` seconds; then lets one trial through.

    Failures more than ``window`` seconds apart are not in a row. A success closes the breaker.
    """

    def __init__(self, failures: int, *, open_for: float, window: float = 600.0, clock: Clock = time.monotonic) -> None:
        self._limit = failures
        self._open_for = open_for
        self._window = window
        self._clock = clock
        self._keys: dict[str, _Failures] = {}

    def open_for(self, key: str) -> float:
        """Seconds until the next trial; 0 when one may be made now."""
        record = self._keys.get(key)
        return max(0.0, record.open_until - self._clock()) if record else 0.0

    def failed(self, key: str) -> None:
        """Note a failure."""
        now = self._clock()
        record = self._keys.get(key)
        if record is None or now - record.last > self._window:
            self._sweep(now)
            record = self._keys[key] = _Failures(0, now)
        record.count += 1
        record.last = now
        if record.count >= self._limit:
            record.open_until = now + self._open_for
            # One trial after the pause: its failure opens the breaker again at once.
            record.count = self._limit - 1

    def succeeded(self, key: str) -> None:
        """Note a success: forget the failures."""
        self._keys.pop(key, None)

    def _sweep(self, now: float) -> None:
        if len(self._keys) >= _SWEEP_AT:
            self._keys = {key: item for key, item in self._keys.items() if now - item.last <= self._window}
