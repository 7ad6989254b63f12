"""Open files of this process: how many there may be, how many are left, and which errors mean that there are none.

When a process runs out of them, whatever fails first gets the blame: a VNC server that cannot be dialled, a password
that cannot be read. So sessions are refused while some are left, and an error that is due to us is not the target's.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
from typing import Final

from jupyter_vnc.exceptions import LimitExceeded

from .logs import Log

#: Descriptors of a session: both its sockets, and a duplicate of each for zero copy.
SESSION: Final = 4
#: Kept for everything else: requests, pipes, files, connections to the hub.
RESERVE: Final = 160
#: A small limit keeps this part of it.
_PART: Final = 4

#: Errors of this process or machine, whatever was being done.
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
#: The same from the resolver, which opens files and sockets of its own.
_RESOLVER: Final = frozenset({socket.EAI_MEMORY, socket.EAI_SYSTEM})

_SENTENCE: Final = "The server has no room for another desktop at present. Try again in a moment."


def limit() -> int:
    """How many open files this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft


def raise_limit(wanted: int) -> int:
    """Raise the soft limit to the hard one, or to ``wanted`` where there is no hard one; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return limit()


def opened() -> int:
    """How many files this process has open; 0 where the system does not say."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone, and often
    except OSError as error:
        return limit() if error.errno in _OURS else 0


def reserve() -> int:
    """How many descriptors sessions leave to everything else."""
    return min(RESERVE, limit() // _PART)


def room_for(sessions: int) -> bool:
    """Whether there is room for one more session beside so many.

    Those that have just begun have not opened all of theirs yet, so all are counted as if they had.
    """
    most = limit()
    claimed = (sessions + 1) * SESSION + reserve()
    return claimed <= most and opened() + SESSION + reserve() // 2 <= most


def needed(sessions: int) -> int:
    """The limit of open files with which so many sessions fit."""
    return sessions * SESSION + RESERVE


def advice(sessions: int) -> str:
    """What to do if the limit is too low for so many sessions; empty if it is not."""
    most = limit()
    if needed(sessions) <= most:
        return ""
    return (
        f"The limit of open files is {most}, which is enough for {max(0, (most - reserve()) // SESSION)} sessions; "
        f"sessions_total is {sessions}. Others are refused with 429. Raise the hard limit to {needed(sessions)} "
        "(systemd: LimitNOFILE), or lower sessions_total."
    )


def warn(sessions: int, log: Log) -> None:
    """Log the advice, if there is any."""
    if sentence := advice(sessions):
        log.warning("%s", sentence)


def is_ours(error: BaseException) -> bool:
    """Whether an error says that this process or machine has run out of something, and nothing about a peer."""
    number = getattr(error, "errno", None)
    return number in (_RESOLVER if isinstance(error, socket.gaierror) else _OURS)


def refusal(sessions: int) -> LimitExceeded | None:
    """Return why there is no room for one more session beside so many; None if there is."""
    return None if room_for(sessions) else no_room()


def no_room(detail: object = "") -> LimitExceeded:
    """Return the refusal of a session for which there are no descriptors."""
    return LimitExceeded(_SENTENCE, retry_after=10.0, detail=str(detail) or f"{opened()} of {limit()} files are open")
