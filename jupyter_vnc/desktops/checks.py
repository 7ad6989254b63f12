"""What is made of a desktop that did not come up, or came up with a door too many."""

from __future__ import annotations

import signal
from typing import Final

from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.exceptions import DesktopFailed, quote_remote

from .processes import listeners as sockets

#: Who is killed says nothing, and it is seldom a person who does it.
_KILLED: Final = "it was killed, as systems do when memory runs out."


def failure(sentence: str, how: Exit) -> DesktopFailed:
    """An error with the last line of the program's log, if that tells why; the log gets some more."""
    why = _KILLED if how.status == -signal.SIGKILL else quote_remote(how.last_line)
    said = f"{sentence}: {why}" if why else f"{sentence}."
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
