"""Install packages from PyPI into the environment that runs this: with uv, or with pip where only that is set up.

    .venv/bin/python -m scripts.install PACKAGE_OR_OPTION ...

uv resolves and unpacks in a tenth of pip's processor time. It reads nothing of pip's configuration, so that pip does
the work wherever it or uv was told of an index, a mirror or constraints; and where there is no uv for this machine, or
it fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

UV: Final = "uv>=0.8"
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
#: Modules are compiled when they are first imported; compiling all of them takes longer than the demo's start.
PIP_INSTALL: Final = (*PIP, "install", "--no-compile", "--progress-bar=off")
#: uv's files may name other indexes, as its variables may.
UV_INSTALL: Final = (
    *(sys.executable, "-m", "uv", "pip", "install", "--no-config", "--no-progress"),
    *("--python", sys.executable),
)
#: pip gets uv itself, or soon gives up: it would wait longer for an index that is away than it takes to do without uv.
SOON: Final = ("--retries=1", "--timeout=10")

#: Of pip's settings, those that change nothing of what is installed from where.
HARMLESS: Final = frozenset(
    {
        *("cache-dir", "cert", "default-timeout", "disable-pip-version-check", "no-cache-dir", "no-color", "no-input"),
        *("progress-bar", "quiet", "retries", "timeout", "verbose"),
    }
)

#: Of uv's variables, those that change what is installed from where; and so do all with ``INDEX`` in their names.
UV_PLACES: Final = frozenset(
    {
        *("UV_BUILD_CONSTRAINT", "UV_CONFIG_FILE", "UV_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_FIND_LINKS"),
        *("UV_OVERRIDE", "UV_PRERELEASE", "UV_RESOLUTION"),
    }
)


def pip_settings() -> dict[str, str]:
    """Return what pip was told in its files and variables, by the option's name.

    Raises:
        SystemExit: pip cannot read them, and would install nothing either.
    """
    listed = subprocess.run(
        (*PIP, "config", "list"), capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if listed.returncode:
        why = (listed.stderr.strip().splitlines() or ["it does not say why"])[-1]
        sys.exit(f"pip cannot read its configuration (see `pip config debug`): {why}")
    settings = {}
    for line in listed.stdout.splitlines():
        name, found, value = line.partition("=")
        if found:
            settings[name.rpartition(".")[2].replace("_", "-")] = value.strip("'\"")
    return settings


def suits_uv(settings: Mapping[str, str], variables: Mapping[str, str] = os.environ) -> bool:
    """Tell whether uv would install the same as pip."""
    told = [name for name in variables if name in UV_PLACES or (name.startswith("UV_") and "INDEX" in name)]
    return settings.keys() <= HARMLESS and not told


def install_with_uv(arguments: Sequence[str], settings: Mapping[str, str]) -> bool:
    """Install with uv, and uv itself before if it is not there; tell whether that worked."""
    there = subprocess.run((*UV_INSTALL[:3], "--version"), capture_output=True, check=False).returncode == 0
    if not there and subprocess.run((*PIP_INSTALL, *SOON, "--only-binary=:all:", UV), check=False).returncode:
        return False
    same = {"SSL_CERT_FILE": settings["cert"]} if "cert" in settings else {}
    if "no-cache-dir" in settings:  # whatever its value, pip keeps nothing then
        same["UV_NO_CACHE"] = "1"
    return subprocess.run((*UV_INSTALL, *arguments), env=same | os.environ, check=False).returncode == 0


def main(arguments: Sequence[str]) -> int:
    """Install packages; return the exit status."""
    settings = pip_settings()
    if suits_uv(settings) and install_with_uv(arguments, settings):
        return 0
    return subprocess.run((*PIP_INSTALL, *arguments), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
