"""Measure the relay and its alternatives in one run, in alternation; print one table.

Run it with ``make bench``. ``--json`` keeps every sample; ``--plot`` draws them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from . import measures, report
from .contestants import ALL, Contestant, Floor, JupyterServer
from .report import Samples
from .source import Source
from .trace import Trace, record


@dataclass(frozen=True)
class Plan:
    """How much is measured. Sizes in bytes, times in seconds."""

    rounds: int = 5
    pour: int = 1 << 30
    ticks: int = 400
    requests: int = 200
    idle: int = 500
    stall: float = 60.0
    replay: float = 60.0
    crowds: tuple[int, ...] = (1, 8, 32)


FULL: Final = Plan()
#: To see whether it works; its figures mean nothing.
QUICK: Final = Plan(
    rounds=2, pour=1 << 24, ticks=20, requests=20, idle=4, stall=1.0, replay=1.0, crowds=(1, 8)
)  # fmt: skip

_Measure = Callable[[Contestant], measures.Sample]


class Bench:
    """One run."""

    def __init__(self, plan: Plan, contestants: Sequence[Contestant], source: Source, trace: Trace) -> None:
        self.samples: Samples = {}
        self._plan = plan
        self._all = contestants
        self._relays = [one for one in contestants if not isinstance(one, Floor)]
        self._servers = [one for one in contestants if isinstance(one, JupyterServer)]
        self._source = source
        self._trace = trace

    def run(self, wanted: Callable[[str], bool]) -> None:
        """Run the requested measures by name; those that increase a contestant's memory come last."""
        plan, rounds = self._plan, self._plan.rounds
        steps: list[tuple[str, Sequence[Contestant], int, _Measure]] = [
            ("idle", self._relays, 1, lambda one: measures.idle(one, plan.idle)),
            ("pour", self._all, rounds, lambda one: measures.pour(one, plan.pour)),
            ("small updates", self._relays, rounds, lambda one: measures.small_updates(one, plan.ticks)),
            ("Jupyter's requests", self._servers, rounds, lambda one: measures.jupyter_requests(one, plan.requests)),
            *((f"replay {crowd}", self._all, 1, self._replay(crowd)) for crowd in plan.crowds),
            ("never reads", self._relays, 1, lambda one: measures.never_reads(one, plan.stall)),
        ]
        for step in steps:
            if wanted(step[0]):
                self._take(*step)

    def _replay(self, sessions: int) -> _Measure:
        return lambda one: measures.replay(one, self._source, self._trace, sessions)

    def _take(self, name: str, contestants: Sequence[Contestant], rounds: int, measure: _Measure) -> None:
        found: dict[str, list[measures.Sample]] = {one.name: [] for one in contestants}
        self.samples[name] = found
        for number in range(rounds):
            for one in contestants:
                _say(f"{name}: {one.name}, {number + 1} of {rounds}")
                found[one.name].append(measure(one))


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def measure(plan: Plan, kinds: Sequence[type[Contestant]], wanted: Callable[[str], bool]) -> dict[str, Any]:
    """Run the bench; return samples, versions and a description of the machine."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _say(f"recording {plan.replay:g} seconds of a desktop")
    trace = record(plan.replay)
    volume = sum(len(data) for _, data in trace)
    _say(f"{len(trace)} pieces, {volume / 1e6:.1f} MB")
    source = Source(plan.pour, trace)
    with tempfile.TemporaryDirectory(prefix="jvbench-") as folder, ExitStack() as stack:
        stack.enter_context(source.running())
        contestants = [kind(Path(folder), source.ports) for kind in kinds]
        for one in contestants:
            stack.enter_context(one.running())
        bench = Bench(plan, contestants, source, trace)
        bench.run(wanted)
    return {
        "machine": {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()},
        "versions": {kind.name: kind.version() for kind in kinds},
        "trace": {"seconds": plan.replay, "pieces": len(trace), "bytes": volume},
        "samples": bench.samples,
    }


def _choose(names: str, parser: argparse.ArgumentParser) -> list[type[Contestant]]:
    known = {kind.name: kind for kind in ALL}
    wanted = names.split(",") if names else list(known)
    for name in wanted:
        if name not in known:
            parser.error(f"--only: {name!r} is none of {', '.join(known)}")
        if not known[name].version():
            parser.error(f"{name} is not installed; `make bench` installs it, `--only` leaves it out")
    return [known[name] for name in wanted]


def _plan(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else FULL
    return plan if options.seconds is None else replace(plan, replay=options.seconds)


def main() -> None:
    """Measure, or read what was measured; print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see whether it works; the figures mean nothing")
    parser.add_argument("--only", default="", metavar="NAMES", help="contestants, separated by commas")
    parser.add_argument("--measures", default="", metavar="NAMES", help="prefixes of measures, separated by commas")
    parser.add_argument("--seconds", type=float, metavar="N", help="how much of a desktop to replay; default 60")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every sample")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing: take what --json kept")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it (svg, png)")
    options = parser.parse_args()
    kinds = _choose(options.only, parser)
    run = (
        json.loads(options.read.read_text())
        if options.read
        else measure(_plan(options), kinds, lambda name: name.startswith(tuple(options.measures.split(","))))
    )
    if options.json:
        options.json.write_text(json.dumps(run, indent=1) + "\n")
    if options.plot:
        report.plot(run["samples"], options.plot)
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    print(f"{run['machine']['system']}, Python {run['machine']['python']}, {run['machine']['cores']} cores; {versions}")
    print(f"\n{report.table(run['samples'])}")
    if missed := report.missed(run["samples"]):
        print("\nMissed:\n- " + "\n- ".join(missed))


if __name__ == "__main__":
    main()
