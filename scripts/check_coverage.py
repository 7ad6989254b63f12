#!/usr/bin/env python3
"""Check that each module of the lowest floors is covered to 100 %, branches included, by tests of its own.

    pytest --cov --cov-context=test tests && scripts/check_coverage.py

The tests of ``tokens`` are in ``tests/test_tokens.py``, those of ``stores/memory`` in ``tests/stores/test_memory.py``
and those of the folder ``rfb/`` in ``tests/rfb/``: what others happen to run does not count. Which floors there are is
said in ``tests/test_floors.py``.
"""

import io
import re
import sys
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import NoDataError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.test_floors import FLOORS, PACKAGE  # noqa: E402 - the path has to be there first

#: Where else a module's own tests are: what every token store has to do is one suite.
ALSO = {"tokens": "tests/stores/", "stores/memory": "tests/stores/test_every_token_store.py::"}

#: What is held to it though it stands higher: it keeps values, and has no I/O either.
ALSO_HELD = ("stores/memory",)

#: The floors that are checked: bytes and values, with no I/O that would make it hard.
HELD = 2


def missing(name: str) -> str:
    """Return the report's lines for a module or folder that is not covered; empty if it is."""
    folder = name.endswith("/")
    where, _, module = name.rpartition("/")
    tests = f"tests/{name}" if folder else f"{Path('tests', where, f'test_{module}.py')}::"
    coverage = Coverage(config_file=str(ROOT / "pyproject.toml"))
    coverage.load()
    report = io.StringIO()
    try:
        share = coverage.report(
            include=[str(ROOT / PACKAGE / (f"{name}**" if folder else f"{name}.py"))],
            # The empty one is what importing runs.
            contexts=["^$", *(f"^{re.escape(place)}" for place in (tests, ALSO.get(name, tests)))],
            show_missing=True,
            skip_covered=True,
            file=report,
        )
    except NoDataError:
        return f"{name}: no test has imported it\n"
    return "" if share == 100 else f"{name}, by {tests.removesuffix('::')}:\n{report.getvalue()}\n"


def main() -> int:
    """Check all; returns the exit status."""
    names = [*(name for floor in FLOORS[:HELD] for name in floor), *ALSO_HELD]
    found = "".join(missing(name) for name in names)
    print(found or f"Covered by their own tests: {', '.join(names)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
