"""The service's metrics, by name and value; what may read them; and whoever relies on their names."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from jupyter_vnc.broker.access.base import PoolFigures
from jupyter_vnc.broker.metrics import process_metrics
from jupyter_vnc.exceptions import ConfigError, LimitExceeded, StoreUnavailable
from jupyter_vnc.hub.files import metrics_token
from jupyter_vnc.hub.metrics import ServiceMetrics
from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.tables import targets
from tests.stores.database.conftest import LOG

ROOT = Path(__file__).parents[2]
LAB = PoolFigures("lab", {"free": 3, "taken": 2, "aside": 1}, waiting=4, longest_wait=61.5)


def families(metrics):
    """What Prometheus reads of it: each metric by the name under which it is documented, with its samples."""
    read = text_string_to_metric_families(metrics.text().decode())
    return {one.name + "_total" * (one.type == "counter"): one for one in read}


def values(metrics, name):
    """The values of a metric, by its labels' values."""
    return {tuple(one.labels.values()): one.value for one in families(metrics)[name].samples}


@pytest.fixture
def no_database():
    """What is known of a database that nothing asks."""
    return SimpleNamespace(trouble="", observe=None)


@pytest.fixture
def metrics(no_database):
    process_metrics()  # of the broker, which there is none of here
    return ServiceMetrics(no_database, lambda: [LAB])


@pytest.fixture
def database(tmp_path, jp_asyncio_loop):
    database = Database(urls.parse(f"sqlite:///{tmp_path}/vnc.sqlite"), LOG)
    jp_asyncio_loop.run_until_complete(database.open())
    yield database
    jp_asyncio_loop.run_until_complete(database.close())


def test_a_pool_has_its_figures(metrics):
    assert values(metrics, "jupyter_vnc_pool_machines") == {
        ("lab", "free"): 3,
        ("lab", "taken"): 2,
        ("lab", "aside"): 1,
        ("lab", "maintenance"): 0,
    }
    assert values(metrics, "jupyter_vnc_leases") == {("lab",): 2}
    assert values(metrics, "jupyter_vnc_queue_length") == {("lab",): 4}
    assert values(metrics, "jupyter_vnc_queue_longest_wait_seconds") == {("lab",): 61.5}


def test_a_pool_that_is_gone_has_no_series(no_database):
    pools = [LAB]
    metrics = ServiceMetrics(no_database, lambda: pools)
    pools.clear()
    for name in ("pool_machines", "leases", "queue_length", "queue_longest_wait_seconds"):
        assert values(metrics, f"jupyter_vnc_{name}") == {}


def transactions(metrics, kind):
    """How many transactions of a kind there were, and how many failed."""
    samples = families(metrics)["jupyter_vnc_database_transaction_seconds"].samples
    (count,) = (one.value for one in samples if one.name.endswith("_count") and one.labels == {"kind": kind})
    return count, values(metrics, "jupyter_vnc_database_failures_total")[kind,]


async def test_transactions_of_the_database_are_measured(database):
    metrics = ServiceMetrics(database, list)
    assert [transactions(metrics, kind) for kind in ("read", "write")] == [(0, 0), (0, 0)]
    for _ in range(2):
        async with database.reading() as connection:
            await connection.execute(select(targets))
    with pytest.raises(LimitExceeded):
        async with database.writing():
            raise LimitExceeded("of a caller, which is no failure of the database")
    assert [transactions(metrics, kind) for kind in ("read", "write")] == [(2, 0), (1, 0)]


async def test_a_database_that_is_away_is_down_and_counts_failures(database, monkeypatch):
    metrics = ServiceMetrics(database, list)
    assert values(metrics, "jupyter_vnc_database_up") == {(): 1}

    def away(*_, **__):
        raise OSError("away")

    with monkeypatch.context() as patched:
        patched.setattr(type(database._engine), "begin", away)
        for open_one in (database.reading, database.writing, database.writing):
            with pytest.raises(StoreUnavailable):
                async with open_one():
                    pass
    assert values(metrics, "jupyter_vnc_database_up") == {(): 0}
    assert [transactions(metrics, kind) for kind in ("read", "write")] == [(0, 1), (0, 2)]
    monkeypatch.setattr(database, "_ask_again", 0.0)
    async with database.reading():
        pass
    assert values(metrics, "jupyter_vnc_database_up") == {(): 1}


def test_nothing_else_than_ours_and_the_processs_is_served(metrics):
    assert {name.partition("_")[0] for name in families(metrics)} == {"jupyter", "process", "python"}
    assert not [name for name in families(metrics) if name.startswith("jupyter_") and "_vnc_" not in name]


# Whoever relies on the names


def test_the_page_lists_what_is_there(metrics):
    page = (ROOT / "docs/reference/metrics.md").read_text()
    rows = re.findall(r"^\| `(jupyter_vnc_\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    real = {
        name: (one.type, {label for sample in one.samples for label in sample.labels} - {"le"})
        for name, one in families(metrics).items()
        if name.startswith("jupyter_vnc_")
    }
    assert documented == real


def test_the_page_names_the_values_of_labels(metrics):
    page = (ROOT / "docs/reference/metrics.md").read_text()
    closed = {"action", "outcome", "kind", "state", "direction"}
    used = {
        value
        for name, one in families(metrics).items()
        if name.startswith("jupyter_vnc_")
        for sample in one.samples
        for label, value in sample.labels.items()
        if label in closed
    }
    assert not [value for value in used if f"`{value}`" not in page]


def queries(dashboard):
    """The queries of a dashboard, without Grafana's own variables."""
    board = json.loads(dashboard.read_text())
    panels = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    variables = [one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query"]
    return [*panels, *variables]


DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.name)
def test_a_dashboard_asks_for_metrics_and_labels_that_there_are(dashboard, metrics):
    there = {one.name: set(one.labels) for family in families(metrics).values() for one in family.samples}
    asked = set()
    for query in queries(dashboard):
        names = re.findall(r"\b(?:jupyter_vnc|process|python)_\w+", query)
        assert names, query
        assert {*names} <= there.keys(), query
        by = {label for labels in re.findall(r"by \(([^)]*)\)", query) for label in re.split(r",\s*", labels)}
        assert by <= set.union(*(there[name] for name in names)), query
        asked |= {*names}
    ours = {name for name in there if name.startswith("jupyter_vnc_")}
    unused = {name for name in ours - asked if not name.endswith(("_sum", "_count", "_bucket"))}
    assert not unused, "a metric that the dashboard does not show"


# The token


def token_file(tmp_path, text, mode=0o600):
    file = tmp_path / "metrics-token"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def test_the_token_is_what_the_file_has_and_none_without_a_file(tmp_path):
    assert metrics_token("") is None
    assert metrics_token(token_file(tmp_path, "s3cret-s3cret-s3cret\n")).reveal() == "s3cret-s3cret-s3cret"


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("s3cret-s3cret-s3cret", 0o640, "can be read by others: chmod 600"),
        ("", 0o600, "one token of 16 to 512"),
        ("too-short", 0o600, "one token of 16 to 512"),
        ("two tokens of which none can be sent", 0o600, "without spaces"),
        ("s3crét-s3crét-s3crét", 0o600, "ASCII"),
        ("x" * 513, 0o600, "512"),
    ],
)
def test_a_token_that_cannot_be_used_is_refused_and_not_quoted(tmp_path, text, mode, words):
    with pytest.raises(ConfigError, match=r"VNCHub\.metrics_token_file") as caught:
        metrics_token(token_file(tmp_path, text, mode))
    assert words in str(caught.value)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(("name", "words"), [("none", "No such file"), (".", "is a folder")])
def test_a_token_file_that_is_none_is_refused(tmp_path, name, words):
    with pytest.raises(ConfigError, match=words):
        metrics_token(str(tmp_path / name))
