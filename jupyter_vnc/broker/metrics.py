"""Metrics of the broker, for Prometheus: what one process has counted, and never by user.

Every value of a label comes from a table of the code, and is there from the start: a request cannot make a series.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import TargetError, VNCError

#: What becomes of a token, by the ``reason`` of the error that refuses it.
OUTCOMES: Final = (
    *("ok", "busy", "limit", "maintenance", "not_found", "not_permitted", "store_unavailable", "token_refused"),
    "other",
)
ACTIONS: Final = ("issue", "redeem")
#: How a connection to a VNC server fails, by the ``reason`` of its error.
FAILURES: Final = ("unreachable", "credentials_refused", "not_rfb", "desktop_failed", "other")
#: Upper bounds of the times that people wait for a machine (seconds): none, up to an hour of a lesson.
WAITS: Final = (0.1, 1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


class Metrics:
    """Gauges, counters and a histogram on a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = Gauge("jupyter_vnc_sessions", "Live VNC sessions", registry=registry)
        self.ended = Counter("jupyter_vnc_sessions_ended", "Ended VNC sessions", ["code"], registry=registry)
        self.bytes = Counter(
            "jupyter_vnc_bytes", "Bytes relayed, by direction as seen by the browser", ["direction"], registry=registry
        )
        self.tokens = Counter(
            "jupyter_vnc_tokens",
            "Tokens for sessions, by what became of them",
            ["action", "outcome"],
            registry=registry,
        )
        self.failures = Counter(
            "jupyter_vnc_target_failures", "Failed connections to VNC servers, by kind", ["kind"], registry=registry
        )
        self.waits = Histogram(
            "jupyter_vnc_queue_wait_seconds",
            "Time that a viewer waited until its user had a machine of a pool",
            buckets=WAITS,
            registry=registry,
        )
        self._make_series()

    def _make_series(self) -> None:
        """Make the series of all labels, so that each is there before its first event."""
        for code in CloseCode:
            self.ended.labels(str(code.value))
        for direction in ("in", "out"):
            self.bytes.labels(direction)
        for action in ACTIONS:
            for outcome in OUTCOMES:
                self.tokens.labels(action, outcome)
        for kind in FAILURES:
            self.failures.labels(kind)

    @contextmanager
    def token(self, action: str) -> Iterator[None]:
        """Count what becomes of a token that is issued or redeemed meanwhile."""
        outcome = "other"
        try:
            yield
            outcome = "ok"
        except VNCError as error:
            outcome = _known(error, OUTCOMES)
            raise
        finally:
            self.tokens.labels(action, outcome).inc()

    def target_failed(self, error: TargetError) -> None:
        """Count a connection to a VNC server that failed."""
        self.failures.labels(_known(error, FAILURES)).inc()


def _known(error: VNCError, names: tuple[str, ...]) -> str:
    """Return an error's reason, which a plug-in may have made up."""
    return error.reason if error.reason in names else "other"


@cache
def process_metrics() -> Metrics:
    """The metrics on the process's registry, which takes each name once."""
    return Metrics(REGISTRY)
