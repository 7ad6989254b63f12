"""A window that answers: run in an xterm, it turns one colour at a key press and another at a click.

Each event is also a line (``key g``, ``click``) in the file that is its argument, so that a test can see what came and
what did not. Its first line, ``ready``, says that the window listens.
"""

import os
import sys
import tty
from pathlib import Path

READY, KEY, CLICK = "#b03060", "#30b060", "#3060b0"


def turn(colour: str) -> None:
    """Set the background (xterm's control sequence OSC 11)."""
    sys.stdout.write(f"\x1b]11;{colour}\x07")
    sys.stdout.flush()


def main(events: Path) -> None:
    """Listen to the terminal until it goes; a click comes as ``ESC [ M`` and three bytes."""
    tty.setraw(sys.stdin.fileno())
    sys.stdout.write("\x1b[?25l\x1b[?1000h")
    turn(READY)
    with events.open("a", buffering=1) as log:
        log.write("ready\n")
        while data := os.read(sys.stdin.fileno(), 64):
            click = data.startswith(b"\x1b[M")
            if click and data[3] & 3 == 3:
                continue  # the button came up
            turn(CLICK if click else KEY)
            log.write("click\n" if click else f"key {data.decode(errors='replace')}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
