"""Debian's Chromium, as it is started everywhere here: it talks to nobody but us."""

from pathlib import Path
from typing import Final

#: A script of ours, which runs what Debian installs.
CHROMIUM: Final = str(Path(__file__).with_name("quiet-chromium"))
#: A name of this machine that is no loopback's to a browser: its pages of plain http are as those of another machine.
PLAIN: Final = "plain.example"
ARGUMENTS: Final = [
    f"--host-resolver-rules=MAP {PLAIN} 127.0.0.1",
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
