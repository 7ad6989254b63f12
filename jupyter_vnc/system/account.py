"""The account that this process runs under: its name and its home, whether a database knows them or not.

A container may run under any uid. Such a one has no entry in the password database (``passwd(5)``), and often neither
``USER`` nor ``HOME``.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path


def account_name() -> str:
    """Return the name as ``LOGNAME``, ``USER`` or the database has it; without any of them the uid's digits.

    ``id -un``, ``ls -l`` and ``ps`` write the same of an account without a name.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        return str(os.getuid())


def home_folder() -> str:
    """Return the home folder as ``HOME`` or the database has it; without both the root, as container engines do."""
    try:
        return str(Path.home())
    except RuntimeError:
        return "/"
