#!/usr/bin/env python3
"""Run the tests of the lowest floors, and check that they cover each module there to 100 %, branches included.

    scripts/check_coverage.py [OPTION OF PYTEST …]   # run the tests and check
    scripts/check_coverage.py --ignore               # print the options with which pytest leaves these tests out

The tests of ``tokens`` are in ``tests/test_tokens.py``, those of ``stores/memory`` in ``tests/stores/test_memory.py``
and those of the folder ``rfb/`` in ``tests/rfb/``: what others happen to run does not count. They run without coverage,
which would nearly double their time; so do tests of databases, of which no module here needs any. The floors are in
``tests/test_floors.py``.
"""

import io
import re
import subprocess
import sys
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import NoDataError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.test_floors import FLOORS, PACKAGE  # noqa: E402 - the path has to be there first

#: Where else a module's own tests are: what every token store has to do is one suite.
ALSO = dict.fromkeys(("tokens", "stores/memory"), "tests/stores/test_every_token_store.py")

#: What is held to it though it stands higher: it keeps values, and has no I/O either.
ALSO_HELD = ("stores/memory",)

#: The floors that are checked: bytes and values, with no I/O that would make it hard.
HELD = 2

NAMES = (*(name for floor in FLOORS[:HELD] for name in floor), *ALSO_HELD)


def places(name: str) -> list[str]:
    """Return where a module's or folder's own tests are: files, and folders that end in ``/``."""
    where, _, module = name.rpartition("/")
    own = str(Path("tests", where, f"test_{module}.py")) if module else f"tests/{name}"
    return [own, *([ALSO[name]] if name in ALSO else [])]


def all_places() -> list[str]:
    """Return where the tests of all are, each once, as arguments of pytest.

    A module of constants needs none of its own: importing it covers it. Where one is missed, the check says so.
    """
    found = {place for name in NAMES for place in places(name) if (ROOT / place).exists()}
    return sorted(place for place in found if not any(place != one and place.startswith(one) for one in found))


def missing(name: str, coverage: Coverage) -> str:
    """Return the report's lines for a module or folder that is not covered; empty if it is."""
    tests = [re.escape(place) if place.endswith("/") else f"{re.escape(place)}$" for place in places(name)]
    report = io.StringIO()
    try:
        share = coverage.report(
            include=[str(ROOT / PACKAGE / (f"{name}**" if name.endswith("/") else f"{name}.py"))],
            # The empty one is what importing runs.
            contexts=["^$", *(f"^{place}" for place in tests)],
            show_missing=True,
            skip_covered=True,
            file=report,
        )
    except NoDataError:
        return f"{name}: no test has imported it\n"
    return "" if share == 100 else f"{name}, by {places(name)[0]}:\n{report.getvalue()}\n"


def run(options: list[str]) -> int:
    """Run the tests of all, and trace only what they are held to; returns pytest's exit status."""
    packages = [f"{PACKAGE}/{name}" if name.endswith("/") else f"{PACKAGE}/{name}".replace("/", ".") for name in NAMES]
    command = [sys.executable, "-m", "pytest", "-p", "scripts.coverage_by_file", "--cov-report="]
    command += [*(f"--cov={package}" for package in packages), *options, *all_places()]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def check() -> str:
    """Return what is not covered, as lines for people; empty if all is."""
    coverage = Coverage(config_file=str(ROOT / "pyproject.toml"))
    coverage.load()
    return "".join(missing(name, coverage) for name in NAMES)


def main(arguments: list[str]) -> int:
    """Print the options, or run and check all, so that one run reports every failure; returns the exit status."""
    if arguments == ["--ignore"]:
        print(*(f"--ignore={place}" for place in all_places()))
        return 0
    failed = run(arguments)
    found = check()
    print(found or f"Covered by their own tests: {', '.join(NAMES)}")
    return failed or bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
