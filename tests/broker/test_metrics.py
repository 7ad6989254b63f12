"""The broker's metrics, by name and value; nobody who asks for something can make a series."""

import pytest
from prometheus_client import CollectorRegistry

from jupyter_vnc import exceptions
from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.broker.metrics import ACTIONS, FAILURES, OUTCOMES, Metrics
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import TargetError, VNCError
from tests.test_contracts import all_errors


@pytest.fixture
def counted():
    """A registry of metrics of its own; what it has, by name and labels."""
    registry = CollectorRegistry()
    return registry, lambda name, **labels: registry.get_sample_value(f"jupyter_vnc_{name}", labels)


def series(registry):
    """How many series there are."""
    return sum(len(metric.samples) for metric in registry.collect())


def test_the_metrics_are_these_and_have_no_label_of_a_person_or_a_place(counted):
    registry, _ = counted
    Metrics(registry)
    found = {
        metric.name: (metric.documentation, {label for one in metric.samples for label in one.labels})
        for metric in registry.collect()
    }
    assert found == {
        "jupyter_vnc_sessions": ("Live VNC sessions", set()),
        "jupyter_vnc_sessions_ended": ("Ended VNC sessions", {"code"}),
        "jupyter_vnc_bytes": ("Bytes relayed, by direction as seen by the browser", {"direction"}),
        "jupyter_vnc_tokens": ("Tokens for sessions, by what became of them", {"action", "outcome"}),
        "jupyter_vnc_target_failures": ("Failed connections to VNC servers, by kind", {"kind"}),
        "jupyter_vnc_queue_wait_seconds": ("Time that a viewer waited until its user had a machine of a pool", {"le"}),
    }


def test_the_metrics_are_there_before_anything_happens(counted):
    registry, value = counted
    Metrics(registry)
    samples = [
        one for metric in registry.collect() for one in metric.samples if one.name.endswith(("_total", "sessions"))
    ]
    assert {one.value for one in samples} == {0.0}
    of_tokens = len(ACTIONS) * len(OUTCOMES)
    assert len(samples) == 1 + len(CloseCode) + len(("in", "out")) + of_tokens + len(FAILURES)
    assert value("bytes_total", direction="in") == value("bytes_total", direction="out") == 0


class MadeUpError(VNCError):
    """Of a plug-in."""

    reason = "a reason of its own"


def test_whatever_is_raised_makes_no_series(counted):
    registry, value = counted
    metrics = Metrics(registry)
    before = series(registry)
    raised = [*(kind for kind in all_errors() if kind.__init__ is VNCError.__init__), MadeUpError, KeyError]
    for kind in raised:
        with pytest.raises(kind), metrics.token("redeem"):
            raise kind("told")
        if issubclass(kind, TargetError):
            metrics.target_failed(kind("told"))
    assert series(registry) == before
    counts = {one: value("tokens_total", action="redeem", outcome=one) for one in OUTCOMES}
    assert sum(counts.values()) == len(raised)
    assert all(counts[one] for one in OUTCOMES if one not in {"ok", "limit", "maintenance"}), counts
    assert value("target_failures_total", kind="other") >= 1


def test_the_reasons_that_have_a_series_are_those_of_errors():
    reasons = {kind.reason for kind in all_errors() if kind.__module__ == exceptions.__name__}
    assert {*OUTCOMES, *FAILURES} - {"ok", "other"} <= reasons
    assert {kind.reason for kind in all_errors(TargetError) if kind is not TargetError} <= {*FAILURES}


@pytest.fixture
def broker(monkeypatch, counted):
    """A broker whose metrics are on a registry of the test."""
    monkeypatch.setattr("jupyter_vnc.broker.audit.process_metrics", lambda: Metrics(counted[0]))
    return VNCBroker()


async def test_a_broker_counts_what_becomes_of_its_tokens(broker, counted, monkeypatch):
    async def refuses(*_):
        raise exceptions.TokenRefused

    async def permits(*_):
        return "a token"

    for action in ACTIONS:
        ask = getattr(broker, action)
        monkeypatch.setattr(broker._admission, action, permits)
        assert await ask(None, "x") == "a token"
        monkeypatch.setattr(broker._admission, action, refuses)
        with pytest.raises(exceptions.TokenRefused):
            await ask(None, "x")
    await broker.close()
    with pytest.raises(exceptions.ServerStopping):
        await broker.issue(None, "x")
    outcomes = [(action, one) for action in ACTIONS for one in ("ok", "token_refused", "other")]
    counts = [counted[1]("tokens_total", action=action, outcome=one) for action, one in outcomes]
    assert counts == [1, 1, 1, 1, 1, 0]
