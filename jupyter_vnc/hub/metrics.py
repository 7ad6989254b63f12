"""What the service has for Prometheus: the counts of this process, the pools, and how the database does.

The values of labels are names of the code and of pools, which admins and managers make. The numbers of pools are read
when they are asked for; all processes of a service have the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jupyter_vnc.broker.access.base import PoolFigures
from jupyter_vnc.stores.database.database import Database

#: Of what is on the process's registry; the libraries of Jupyter put theirs there, too, which nothing counts here.
_SERVED: Final = ("jupyter_vnc_", "process_", "python_")
#: Upper bounds of the time of a transaction (seconds); after ten it is given up.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: States of a pool's machines.
STATES: Final = ("free", "taken", "aside", "maintenance")
#: The type of what :meth:`ServiceMetrics.text` returns.
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class ServiceMetrics(Collector):
    """The metrics of one process of the service.

    Args:
        database: which is told to report its transactions here.
        figures: returns the numbers of the pools.
    """

    def __init__(self, database: Database, figures: Callable[[], Iterable[PoolFigures]]) -> None:
        self._database = database
        self._figures = figures
        self._registry = CollectorRegistry()
        self._transactions = Histogram(
            "jupyter_vnc_database_transaction_seconds",
            "Time of a transaction, with the wait for its turn",
            ["kind"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._failures = Counter(
            "jupyter_vnc_database_failures",
            "Transactions that the database did not answer",
            ["kind"],
            registry=self._registry,
        )
        for kind in ("read", "write"):
            self._transactions.labels(kind)
            self._failures.labels(kind)
        database.observe = self._observe

    def _observe(self, writes: bool, seconds: float, failed: bool) -> None:
        kind = "write" if writes else "read"
        if failed:
            self._failures.labels(kind).inc()
        else:
            self._transactions.labels(kind).observe(seconds)

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """Yield what this process has counted, then what is true now."""
        of_process = (one for one in REGISTRY.collect() if one.name.startswith(_SERVED))
        yield from map(_without_created, (*of_process, *self._registry.collect()))
        up = GaugeMetricFamily("jupyter_vnc_database_up", "Whether the database answered last (1) or not (0)")
        up.add_metric([], not self._database.trouble)
        yield up
        yield from self._of_pools()

    def _of_pools(self) -> Iterator[Metric]:
        machines = GaugeMetricFamily("jupyter_vnc_pool_machines", "Machines of a pool", labels=["pool", "state"])
        leases = GaugeMetricFamily("jupyter_vnc_leases", "Users who have a machine of a pool", labels=["pool"])
        length = GaugeMetricFamily("jupyter_vnc_queue_length", "Users who wait for a machine", labels=["pool"])
        longest = GaugeMetricFamily(
            "jupyter_vnc_queue_longest_wait_seconds", "For how long somebody waits who still does", labels=["pool"]
        )
        for pool in self._figures():
            for state in STATES:
                machines.add_metric([pool.name, state], pool.machines.get(state, 0))
            leases.add_metric([pool.name], pool.machines.get("taken", 0))
            length.add_metric([pool.name], pool.waiting)
            longest.add_metric([pool.name], pool.longest_wait)
        yield from (machines, leases, length, longest)


def _without_created(metric: Metric) -> Metric:
    """Leave out when each series was made, which Prometheus's text format has no place for: it would be a metric."""
    copy = Metric(metric.name, metric.documentation, metric.type)
    copy.samples = [one for one in metric.samples if not one.name.endswith("_created")]
    return copy
