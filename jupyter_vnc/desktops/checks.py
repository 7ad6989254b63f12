"""Checks of a desktop that did not start, or that is open to others."""

from __future__ import annotations

import signal
from typing import Final

from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.exceptions import DesktopFailed, quote_remote
from jupyter_vnc.system.logs import Log

from .ownership import trust
from .processes import listeners as sockets

#: A program that is killed logs nothing, and it is seldom a person who kills it.
_KILLED: Final = "it was killed, as happens when memory runs out."


def failure(sentence: str, how: Exit) -> DesktopFailed:
    """An error with the last line of the program's log, if that has the reason; the log gets some more."""
    why = _KILLED if how.status == -signal.SIGKILL else quote_remote(how.last_line)
    said = f"{sentence}: {why}" if why else f"{sentence}."
    return DesktopFailed(said, detail=f"status {how.status}; {quote_remote(how.tail[-150:])}")


def check_folder() -> None:
    """Prove that nobody else can put a socket in the place of the X server's; make the folder if there is none.

    Raises:
        DesktopFailed: somebody could; names the folder and the remedy.
    """
    try:
        trust.prepare(trust.X_SOCKETS)
    except trust.UntrustedFolderError as error:
        raise DesktopFailed(f"{error}.", detail="X servers listen there, and so could somebody else") from None
    except OSError as error:
        raise DesktopFailed(f"{trust.X_SOCKETS} cannot be made: {error.strerror}.") from error


def check_session_folder(log: Log) -> None:
    """Make the folder in which session managers listen, if there is none; log a warning if others can change it.

    A desktop starts all the same: whoever listens there in a session manager's place gets no way to its display.
    """
    try:
        trust.prepare(trust.ICE_SOCKETS)
    except trust.UntrustedFolderError as error:
        log.warning("Another account could listen in the place of session managers: %s", error)
    except OSError as error:
        log.warning("%s cannot be made: %s", trust.ICE_SOCKETS, error.strerror)


def check_doors(pid: int) -> None:
    """Prove that nobody else can reach the X server, or be reached in its place.

    Raises:
        DesktopFailed: somebody could, or it is not known.
    """
    try:
        doors = sockets.open_doors(pid)
    except OSError as error:
        raise DesktopFailed("It cannot be verified that the desktop is private.", detail=str(error)) from error
    check_folder()
    if doors:
        raise DesktopFailed("The X server opened a way in for others, so it was stopped.", detail=", ".join(doors))
