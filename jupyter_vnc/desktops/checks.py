"""Checks of a desktop that did not start, or that is open to others."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.system.logs import Log

from .ownership import trust
from .processes import listeners as sockets
from .x11 import complaints

#: A program that is killed logs nothing, and it is seldom a person who kills it.
_KILLED: Final = "it was killed, as happens when memory runs out."


#: Why X servers cannot make what they need in a folder, and what to do about it, by the error of a trial.
_REMEDIES: Final[Mapping[int, str]] = {
    errno.EROFS: "{0} is read-only, and X servers listen there. Mount it writable (WSL: mount -o remount,rw {0}).",
    errno.EACCES: "This account cannot write to {0}, and X servers listen there. Run as root: chmod 1777 {0}.",
    errno.ENOSPC: "The disk of {0} is full, and X servers need it. Delete files there.",
    errno.EDQUOT: "Your quota on the disk of {0} is used up, and X servers need it. Delete files there.",
}
_NO_REMEDY: Final = "{0} cannot be written ({1}), and X servers need it. Tell your administrator."

#: What a file system answers that cannot make a file without a name; what it permits is asked for then.
_NAMELESS: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})


def failure(sentence: str, how: Exit, explain: Callable[[str], str] | None = None) -> DesktopFailed:
    """An error with the reason that the program's log gives; the server's log gets some more.

    Args:
        sentence: what has happened, without a full stop.
        how: how the program ended.
        explain: finds the reason in the end of a log; by default it is the last line.
    """
    said = quote_remote(explain(how.tail) if explain else how.last_line)
    why = _KILLED if how.status == -signal.SIGKILL else said
    said = f"{sentence}: {why}" if why else f"{sentence}."
    return DesktopFailed(said, detail=f"status {how.status}; {quote_remote(how.tail[-150:])}")


def server_failure(sentence: str, how: Exit) -> DesktopFailed:
    """An error with the reason for which an X server ended, and with what to do about it where that is known."""
    return failure(sentence, how, complaints.reason)


def check_folder() -> None:
    """Prove that an X server of ours can listen, and nobody else in its place; make the folder if there is none.

    Raises:
        DesktopFailed: it is not so; names the folder and the remedy.
    """
    _check_trust()
    for folder in (trust.X_SOCKETS.parent, trust.X_SOCKETS):
        try:
            _try_to_write(folder)
        except OSError as error:
            raise _unusable(folder, error) from error


def _check_trust() -> None:
    try:
        trust.prepare(trust.X_SOCKETS)
    except trust.UntrustedFolderError as error:
        raise DesktopFailed(f"{error}.", detail="X servers listen there, and so could somebody else") from None
    except OSError as error:
        raise _unusable(trust.X_SOCKETS.parent, error) from error


def _unusable(folder: Path, error: OSError) -> DesktopFailed:
    remedy = _REMEDIES.get(error.errno or 0, _NO_REMEDY)
    return DesktopFailed(remedy.format(folder, error.strerror), detail=str(error))


def _try_to_write(folder: Path) -> None:
    """Write a byte to a file without a name (``O_TMPFILE``, ``open(2)``): of it nothing can stay.

    Raises:
        OSError: it cannot be done.
    """
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NAMELESS:
            raise
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(folder)) from error
        return
    try:
        os.write(descriptor, b"\0")
    finally:
        os.close(descriptor)


def check_session_folder(log: Log) -> None:
    """Make the folder in which session managers listen, if there is none; log a warning if others can change it.

    A desktop starts all the same: whoever listens there in a session manager's place gets no way to its display.
    """
    try:
        trust.prepare(trust.ICE_SOCKETS)
        _try_to_write(trust.ICE_SOCKETS)
    except trust.UntrustedFolderError as error:
        log.warning("Another account could listen in the place of session managers: %s", error)
    except OSError as error:
        log.warning("Session managers cannot listen in %s: %s", trust.ICE_SOCKETS, error.strerror)


def check_doors(pid: int) -> None:
    """Prove that nobody else can reach the X server, or be reached in its place.

    Raises:
        DesktopFailed: somebody could, or it is not known.
    """
    try:
        doors = sockets.open_doors(pid)
    except OSError as error:
        raise DesktopFailed("It cannot be verified that the desktop is private.", detail=str(error)) from error
    _check_trust()
    if doors:
        raise DesktopFailed("The X server opened a way in for others, so it was stopped.", detail=", ".join(doors))
