"""What a test needs of the machine. Where it is missing, CI fails and a person's machine skips the test."""

import os
import shutil

import pytest


def require(*programs):
    """Require that programs are installed."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        _lack(f"not installed: {', '.join(missing)}")


def require_root():
    """Require the rights to switch users and to create networks."""
    if os.geteuid():
        _lack("needs root")


def _lack(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
