"""Debian's Chromium, as it is started everywhere here: it talks to nobody but us."""

from pathlib import Path
from typing import Final

#: A script of ours, which runs what Debian installs.
CHROMIUM: Final = str(Path(__file__).with_name("quiet-chromium"))
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
