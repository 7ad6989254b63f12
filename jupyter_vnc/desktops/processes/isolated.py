"""Our own small programs, each a module run in an interpreter of its own that starts in a few milliseconds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

#: Where :mod:`jupyter_vnc` is; an isolated interpreter has no site packages of its own.
_ROOT: Final = Path(__file__).parents[3]
_SCRIPT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from jupyter_vnc.desktops.{} import main; main(*sys.argv[2:])"
)


def isolated(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``main`` of a module with these arguments.

    Args:
        module: its name below :mod:`jupyter_vnc.desktops`. It may import the standard library and its like only.
        arguments: what ``main`` is called with.
    """
    return [sys.executable, "-I", "-S", "-c", _SCRIPT.format(module), str(_ROOT), *arguments]
