"""What is made of a desktop that did not come up, or came up with a door too many."""

from __future__ import annotations

from jupyter_vnc.exceptions import DesktopFailed, quote_remote

from . import sockets
from .process import Exit


def failure(sentence: str, how: Exit) -> DesktopFailed:
    """An error with the last line of the program's log; the log gets some more."""
    said = f"{sentence}: {quote_remote(how.last_line)}" if how.last_line else f"{sentence}."
    return DesktopFailed(said, detail=f"status {how.status}; {quote_remote(how.tail[-150:])}")


def check_doors(pid: int) -> None:
    """Prove that nobody else can reach the X server.

    Raises:
        DesktopFailed: somebody could, or it cannot be told.
    """
    try:
        doors = sockets.open_doors(pid)
    except OSError as error:
        raise DesktopFailed("It cannot be verified that the desktop is private.", detail=str(error)) from error
    if doors:
        raise DesktopFailed("The X server opened a way in for others, so it was stopped.", detail=", ".join(doors))
