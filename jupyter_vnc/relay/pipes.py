"""Pipes: the kernel's own buffers between two sockets, borrowed for as long as bytes are in them.

Linux bounds what the pipes of one user may hold together (``pipe(7)``, ``/proc/sys/fs/pipe-user-pages-soft``); beyond
it new pipes are tiny, for every program of that user. So there are few, they are shared by all sessions, an idle
session has none, and a session that gets none copies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import Final

from jupyter_vnc.system import files
from jupyter_vnc.system.logs import get_logger

log = get_logger(__name__)

#: What one pipe should hold (bytes): it is the longest frame. Linux grants no more (``pipe-max-size``).
PIPE_SIZE: Final = 1024 * 1024
#: What one pipe must hold to be worth it (bytes): the size that Linux gives unasked.
_LEAST: Final = 64 * 1024
#: Move pages where that is possible, and never wait: the event loop does that. (Both are 0 where there is no splice.)
SPLICE_FLAGS: Final = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)
#: The most pipes, whatever the system permits.
_MOST: Final = 64
#: Empty pipes that are kept for the next burst.
_SPARE: Final = 4
#: The part of the user's pipe memory that is ours.
_SHARE: Final = 4


class Pipe:
    """One pipe.

    Attributes:
        source: the descriptor to read from.
        sink: the descriptor to write to.
        size: what it holds (bytes).

    Raises:
        OSError: there are no more descriptors.
    """

    __slots__ = ("sink", "size", "source")

    def __init__(self) -> None:
        self.source, self.sink = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Not permitted beyond the user's share: then it stays as it is.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.sink, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self.size = fcntl.fcntl(self.sink, fcntl.F_GETPIPE_SZ)

    def take(self, size: int) -> bytes:
        """Copy out what is in the pipe; for the rest of a frame that the kernel will not finish."""
        data = bytearray()
        while len(data) < size:
            data += os.read(self.source, size - len(data))
        return bytes(data)

    def close(self) -> None:
        """Close both ends; what is in it is gone."""
        os.close(self.source)
        os.close(self.sink)


class PipePool:
    """Lends pipes to sessions; closes them all when the last session has left.

    Args:
        most: how many there may be at once; by default a quarter of what the system grants the user, at most 64.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = permitted() if most is None else most
        self._idle: list[Pipe] = []
        self._lent = 0
        self._members = 0

    @contextlib.contextmanager
    def member(self) -> Iterator[None]:
        """Register a session that borrows pipes."""
        self._members += 1
        try:
            yield
        finally:
            self._members -= 1
            self._trim()

    def borrow(self) -> Pipe | None:
        """Return an empty pipe; None when there is none left."""
        if (pipe := self._idle.pop() if self._idle else self._make()) is not None:
            self._lent += 1
        return pipe

    def give_back(self, pipe: Pipe) -> None:
        """Take back a borrowed pipe, which is empty: what is left in it would be the next session's."""
        self._lent -= 1
        self._idle.append(pipe)
        self._trim()

    def _make(self) -> Pipe | None:
        if self._lent >= self._most:
            return None
        try:
            pipe = Pipe()
        except OSError as error:
            log.debug("No pipe: %s", error)
            return None
        if pipe.size < _LEAST:
            log.debug("No pipe: the system grants only %d bytes", pipe.size)
            pipe.close()
            return None
        return pipe

    def _trim(self) -> None:
        while len(self._idle) > (_SPARE if self._members else 0):
            self._idle.pop().close()


def permitted() -> int:
    """How many pipes a user may have for this: by the system's limit, where it can be read."""
    try:
        pages = int(files.read_text("/proc/sys/fs/pipe-user-pages-soft", 64))
    except (OSError, ValueError):
        return _SPARE
    memory = pages * os.sysconf("SC_PAGE_SIZE") // _SHARE
    return min(_MOST, memory // PIPE_SIZE) if pages else _MOST
