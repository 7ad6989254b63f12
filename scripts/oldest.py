#!/usr/bin/env python3
"""Print the oldest versions that ``pyproject.toml`` permits of some dependencies, for pip.

scripts/oldest.py tornado jupyter_server
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def oldest(name: str) -> str:
    """Return a requirement that only the oldest permitted version of a dependency fulfils.

    Raises:
        SystemExit: the dependency has no lower bound.
    """
    for line in tomllib.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"]:
        if found := re.match(rf"{re.escape(name)}>=([\d.]+)", line):
            return f"{name}=={found[1]}"
    sys.exit(f"pyproject.toml has no lower bound for {name}")


if __name__ == "__main__":
    print(*map(oldest, sys.argv[1:]))
