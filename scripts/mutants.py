#!/usr/bin/env python3
"""Change the code of a few modules in one place at a time, and count the changes that no test notices.

``make mutants`` runs it; ``mutmut`` makes the changes (https://mutmut.readthedocs.io). Everything happens in a copy
below ``.make/``. The modules are the rules that decide who gets in; with their own tests each is done in a second.
``--limit`` says how long all of it may take, ``--all`` to try every change.
"""

from __future__ import annotations

import argparse
import collections
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PLACE: Final = ROOT / ".make" / "mutants"
#: What is changed, and the tests that have to notice: of floors 0, 1 and 3.
MODULES: Final = {
    "jupyter_vnc/rfb/security/choice.py": "tests/rfb/security/test_choice.py",
    "jupyter_vnc/throttling.py": "tests/test_throttling.py",
    "jupyter_vnc/tokens.py": "tests/test_tokens.py tests/stores/test_memory.py",
    "jupyter_vnc/model/session_registry.py": "tests/model/test_session_registry.py",
    "jupyter_vnc/model/sessions.py": "tests/model/test_sessions.py",
    "jupyter_vnc/model/visitors.py": "tests/model/test_visitors.py",
    "jupyter_vnc/broker/admission.py": "tests/broker/test_admission.py",
    "jupyter_vnc/broker/audit.py": "tests/broker/test_audit.py tests/broker/test_look_ins.py",
    "jupyter_vnc/broker/catalogue.py": "tests/broker/test_catalogue.py",
    "jupyter_vnc/broker/recheck.py": "tests/broker/test_recheck.py",
}
#: How many changes are tried, always the same ones as long as the code is the same.
SAMPLE: Final = 240
SEED: Final = 1
#: Minutes that all of it may take, where the command line does not say.
LIMIT: Final = 15.0
#: The part of it that is left to show what survived: mutmut starts anew for each.
REPORT: Final = 0.1
#: What mutmut says of a change (``mutmut.stats``), by what it means here. A test that waits for ever, or whose process
#: dies, would fail; what is in no row says nothing about the tests: interrupted, skipped, or not understood.
MEANINGS: Final = {
    "noticed": ("killed", "timeout", "segfault", "caught by type check"),
    "survived": ("survived",),
    "reached by no test": ("no tests",),
}
UNDECIDED: Final = "undecided"
UNTRIED: Final = "not checked"
PYTEST: Final = ["-p", "no:asyncio", "-p", "no:cacheprovider"]


def prepare() -> None:
    """Make the copy, with a configuration of its own."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    kept = shutil.ignore_patterns("__pycache__", "static", "labextension")
    for name in ("jupyter_vnc", "tests"):
        shutil.copytree(ROOT / name, PLACE / name, ignore=kept)
    options = {
        "source_paths": ["jupyter_vnc"],
        "only_mutate": [*MODULES],
        "also_copy": ["tests", "pyproject.toml"],
        "pytest_add_cli_args": PYTEST,
        "pytest_add_cli_args_test_selection": " ".join(MODULES.values()).split(),
    }
    lines = [f"{key} = {value!r}" for key, value in options.items()]
    (PLACE / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text() + "\n[tool.mutmut]\n" + "\n".join(lines) + "\n"
    )


class Clock:
    """What is left of the time, over all that is run.

    Args:
        limit: seconds.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._end = time.monotonic() + limit

    def left(self, reserve: float = 0.0) -> float:
        """Return the seconds that are left, without a part of the whole that is kept for later."""
        return max(self._end - time.monotonic() - reserve * self._limit, 0.0)


def run(seconds: float, *arguments: str) -> str:
    """Run mutmut in the copy for at most so long; return what it says, also if the time is over."""
    if not seconds:
        return ""
    # SIGTERM, which mutmut does not catch: nothing is written down about a change whose tests it cuts short.
    command = ["timeout", "--kill-after=5", f"{seconds:.1f}", sys.executable, "-m", "mutmut", *arguments]
    ended = subprocess.run(command, cwd=PLACE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return ended.stdout.decode(errors="replace")


def results() -> dict[str, str]:
    """Return what became of each change."""
    # Takes a second and is all that remains of a run that was cut short, so the clock does not hold for it.
    return dict(re.findall(r"^\s*(\S+): (.+)$", run(60, "results", "--all", "true"), re.MULTILINE))


def table(became: Mapping[str, str], every: int) -> str:
    """Return the figures: a row for each meaning, then the share of changes that were noticed where tests run.

    Args:
        became: what mutmut says of each change that was tried.
        every: how many changes there are.
    """
    counts = collections.Counter(became.values())
    meanings = {**MEANINGS, UNDECIDED: tuple(sorted(counts.keys() - set().union(*MEANINGS.values())))}
    sums = {meaning: sum(counts[state] for state in states) for meaning, states in meanings.items()}
    lines = [f"{len(became)} of {every} changes were tried"]
    for meaning, states in meanings.items():
        parts = ", ".join(f"{state} {counts[state]}" for state in states if counts[state])
        lines.append(f"{sums[meaning]:5}  {meaning}" + (f" ({parts})" if len(states) > 1 and parts else ""))
    reached = sums["noticed"] + sums["survived"]
    if reached:
        lines.append(
            f"{sums['noticed']} of the {reached} that a test reaches were noticed ({sums['noticed'] / reached:.1%})"
        )
    return "\n".join(lines)


def show(names: list[str], clock: Clock) -> None:
    """Print each change; its lines only while there is time."""
    for name in names:
        changed = [line for line in run(clock.left(), "show", name).splitlines() if re.match(r"[-+](?![-+])", line)]
        print(name, *changed, sep="\n  ")


def main(arguments: list[str] | None = None) -> int:
    """Print each change that nothing noticed, and how many were noticed of those that were tried."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--limit", type=float, default=LIMIT, help="minutes that all of it may take (%(default)g)")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="how many changes are tried (%(default)d)")
    parser.add_argument("--all", action="store_true", help="try all of them, which takes five times as long")
    options = parser.parse_args(arguments)
    clock = Clock(options.limit * 60)
    prepare()
    said = run(clock.left(REPORT), "run", "none of them")  # makes the changes, and tries none
    every = sorted(results())
    if not every:
        print(said[-4000:] or "The time was over before there was a change.")
        return 1
    sample = len(every) if options.all else min(options.sample, len(every))
    tried = random.Random(SEED).sample(every, sample)
    said = run(clock.left(REPORT), "run", "--max-children", "2", *tried)
    became = {name: state for name, state in results().items() if name in tried and state != UNTRIED}
    show([name for name, state in became.items() if state == "survived"], clock)
    print(table(became, len(every)) if became else f"{said[-4000:]}\nNo change was tried.")
    return int(not became)


if __name__ == "__main__":
    sys.exit(main())
