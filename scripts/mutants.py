#!/usr/bin/env python3
"""Change the code of a few modules in one place at a time, and count the changes that no test notices.

``make mutants`` runs it; ``mutmut`` makes the changes (https://mutmut.readthedocs.io). Everything happens in a copy
below ``.make/``. The modules are the rules that decide who gets in; with their own tests each is done in a second.
"""

from __future__ import annotations

import collections
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PLACE: Final = ROOT / ".make" / "mutants"
#: What is changed, and the tests that have to notice: of floors 0, 1 and 3.
MODULES: Final = {
    "jupyter_vnc/rfb/security/choice.py": "tests/rfb/security/test_choice.py",
    "jupyter_vnc/throttling.py": "tests/test_throttling.py",
    "jupyter_vnc/tokens.py": "tests/test_tokens.py tests/stores/test_memory.py",
    "jupyter_vnc/model/sessions.py": "tests/model/test_sessions.py",
    "jupyter_vnc/broker/admission.py": "tests/broker/test_admission.py",
    "jupyter_vnc/broker/audit.py": "tests/broker/test_audit.py",
    "jupyter_vnc/broker/catalogue.py": "tests/broker/test_catalogue.py",
    "jupyter_vnc/broker/recheck.py": "tests/broker/test_recheck.py",
}
#: How many changes are tried, always the same ones as long as the code is the same.
SAMPLE: Final = 240
SEED: Final = 1
#: Seconds that all of it may take.
LIMIT: Final = 15 * 60
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


def run(*arguments: str) -> str:
    """Run mutmut in the copy; return what it says, also if the time is over."""
    command = ["timeout", "--kill-after=10", str(LIMIT), sys.executable, "-m", "mutmut", *arguments]
    ended = subprocess.run(command, cwd=PLACE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return ended.stdout.decode(errors="replace")


def results() -> dict[str, str]:
    """Return what became of each change."""
    return dict(re.findall(r"^\s*(\S+): (.+)$", run("results", "--all", "true"), re.MULTILINE))


def main() -> int:
    """Print each change that nothing noticed, and how many were noticed of those that were tried."""
    prepare()
    said = run("run", "none of them")  # makes the changes, and tries none
    every = sorted(results())
    if not every:
        print(said[-4000:])
        return 1
    tried = random.Random(SEED).sample(every, min(SAMPLE, len(every)))
    run("run", "--max-children", "2", *tried)
    became = {name: result for name, result in results().items() if name in tried and result != "not checked"}
    counts = collections.Counter(became.values())
    for name in (name for name, result in became.items() if result == "survived"):
        changed = [line for line in run("show", name).splitlines() if re.match(r"[-+](?![-+])", line)]
        print(name, *changed, sep="\n  ")
    noticed = counts["killed"] / len(became) if became else 0.0
    print(f"{len(became)} of {len(every)} changes were tried: {dict(counts)}; {noticed:.0%} were noticed")
    return int(not became)


if __name__ == "__main__":
    sys.exit(main())
