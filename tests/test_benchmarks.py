"""The benchmarks run, and their table says what was measured."""

import json
import subprocess
import sys

import pytest

from benchmarks import report

PEER = "jupyter-server-proxy"


def samples(ours, theirs):
    pour = {"jupyter-vnc": [{"cpu": 0.1 * n, "rate": 1e9 * ours} for n in (3, 4, 5)]}
    pour[PEER] = [{"cpu": 1.0, "rate": 1e9 * theirs}]
    return {"pour": pour, "never reads": {"jupyter-vnc": [{"memory": 9 << 20, "seconds": 60}]}}


def test_the_table_gives_median_spread_and_what_the_budget_says():
    head, _, cpu, rate, memory = report.table(samples(3, 2)).splitlines()
    assert head == f"|  | jupyter-vnc | {PEER} | budget |"
    assert cpu.endswith(f"| 0.4 (0.3 to 0.5) | 1 | 0.40 of {PEER} (at most 0.45) |")
    assert rate.endswith("| 3,000 (3,000 to 3,000) | 2,000 | 1.50 of the better peer (at least 1.4) |")
    assert memory.endswith("| 9 | - | under 8 MiB **missed** |")


@pytest.mark.parametrize(("ours", "missed"), [(2.8, 1), (2.7, 2)])
def test_a_budget_that_is_missed_is_listed(ours, missed):
    assert len(report.missed(samples(ours, 2))) == missed


@pytest.mark.real
def test_a_quick_run_measures_everything(tmp_path):
    kept = tmp_path / "run.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "jupyter-vnc,splice", "--json", kept]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=250, check=True)
    assert "CPU for a gigabyte to the browser (s) | " in ran.stdout
    run = json.loads(kept.read_text())
    assert run["trace"]["bytes"] > 10_000
    for row in report.ROWS:
        if row.measure in run["samples"]:
            assert report.values(run["samples"], row, "jupyter-vnc"), row.title
    late = run["samples"]["replay 1"]["jupyter-vnc"][0]
    assert 0 < late["median"] <= late["p99"]


def test_a_contestant_that_nobody_knows_is_named():
    command = [sys.executable, "-m", "benchmarks", "--only", "jupyter-vnc,guacamole"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "--only: 'guacamole' is none of jupyter-vnc, jupyter-server-proxy, websockify, splice" in ran.stderr
