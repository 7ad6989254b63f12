"""A window that answers: run in an xterm, it turns one colour at a key press and another at a click.

Each event is also a line (``key g``, ``click``) in the file that is its argument, so that a test can see what came and
what did not. Its first line, ``ready``, says that the window listens: the terminal has done what it was told at first.
"""

import os
import sys
import tty
from pathlib import Path
from typing import TextIO

#: A click comes as this and three bytes more (xterm's control sequences, "mouse tracking").
CLICK_START, CLICK_SIZE = b"\x1b[M", 6
#: The question how the terminal is, and its answer, which comes after everything that it was told before.
HOW_ARE_YOU, WELL = "\x1b[5n", b"\x1b[0n"

READY, KEY, CLICK = "#b03060", "#30b060", "#3060b0"


def turn(colour: str) -> None:
    """Set the background (xterm's control sequence OSC 11)."""
    sys.stdout.write(f"\x1b]11;{colour}\x07")
    sys.stdout.flush()


def split(data: bytes) -> list[bytes]:
    """Split what the terminal says into events, and what is not whole yet: a busy machine reads several at once."""
    events = []
    while data:
        size = CLICK_SIZE if CLICK_START.startswith(data[:3]) else 1
        if len(data) < size:
            break
        events.append(data[:size])
        data = data[size:]
    return [*events, data]


def show(event: bytes, log: TextIO) -> None:
    """Write the line of an event and turn the colour; a button that comes up is none.

    The line is first: whoever has seen the colour may read it.
    """
    click = event.startswith(CLICK_START)
    if not (click and event[3] & 3 == 3):
        log.write("click\n" if click else f"key {event.decode(errors='replace')}\n")
        turn(CLICK if click else KEY)


def until_answered() -> bytes:
    """Wait until the terminal has done all that it was told; return what somebody has typed meanwhile."""
    sys.stdout.write(HOW_ARE_YOU)
    sys.stdout.flush()
    unread = b""
    while WELL not in unread and (data := os.read(sys.stdin.fileno(), 64)):
        unread += data
    return unread.replace(WELL, b"", 1)


def main(events: Path) -> None:
    """Listen to the terminal until it goes; a click comes as ``ESC [ M`` and three bytes."""
    tty.setraw(sys.stdin.fileno())
    sys.stdout.write("\x1b[?25l\x1b[?1000h")
    with events.open("a", buffering=1) as log:  # before the colour: whoever has seen it may read the file
        turn(READY)
        unread = until_answered()
        log.write("ready\n")
        while data := os.read(sys.stdin.fileno(), 64):
            *events, unread = split(unread + data)
            for event in events:
                show(event, log)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
