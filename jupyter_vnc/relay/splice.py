"""Move pieces from a target's socket to the browser, in callbacks of the event loop.

A piece is what the socket has received when the event loop looks at it. :class:`Carrier` moves one piece and returns
the outcome; :class:`Engine` decides when, and runs until it has to wait for the viewer or the target ends. No task
wakes up for a piece.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from jupyter_vnc.system.logs import get_logger

from .frames import FrameWriter
from .pipes import PIPE_SIZE, SPLICE_FLAGS, Pipe, PipePool
from .scheduler import FairScheduler

log = get_logger(__name__)

#: Errors by which the kernel, or a sandbox around it, refuses to splice these sockets.
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP})

#: The longest piece that is copied (bytes). Below this, the system calls of a splice cost more than the copy.
LITTLE: Final = 32 * 1024


class Outcome(Enum):
    """The outcome of an attempt to move a piece. The last two end a run of the engine."""

    #: A large piece was moved; the next one is worth splicing.
    MUCH = auto()
    #: A small piece was copied.
    LITTLE = auto()
    #: Nothing is left to read for now.
    DRY = auto()
    #: The viewer accepts no more for now: wait until the frame writer is free.
    FULL = auto()
    #: The target has closed its side, or is gone.
    ENDED = auto()


# Bound to names, because a look-up in the class takes 0.1 µs, several times for each piece.
_MUCH, _LITTLE, _DRY, _FULL, _ENDED = Outcome


class Gauge:
    """Counts the bytes that pass, and shows the first of them to whoever has to see what they are.

    Args:
        count: is called with the number of bytes of each piece.
        look: is shown them until it returns False; until then they have to come to user space. None to look at none.
    """

    def __init__(self, count: Callable[[int], None], look: Callable[[bytes], bool] | None = None) -> None:
        self.count = count
        self._look = look

    @property
    def looks(self) -> bool:
        """Whether bytes have to be shown."""
        return self._look is not None

    def see(self, data: bytes) -> None:
        """Count bytes that are at hand, and show them if they have to be."""
        self.count(len(data))
        if self._look is not None and not self._look(data):
            self._look = None


class Carrier:
    """Moves one piece at a time, as one frame.

    If no pipe is available, or the system turns out not to splice, the piece is copied; the bytes are the same.

    Args:
        source: the target's socket, non-blocking.
        frames: writes to the browser's socket.
        pipes: lends the pipes.
        gauge: is told of each piece.
    """

    def __init__(self, source: socket.socket, frames: FrameWriter, pipes: PipePool, gauge: Gauge) -> None:
        self._source = source
        self._frames = frames
        self._pipes = pipes
        self._gauge = gauge
        self._splices = True
        #: The pipe in use; between calls, the one that holds the rest of an unfinished frame.
        self._pipe: Pipe | None = None

    def move(self, most: int, *, much: bool) -> tuple[Outcome, int]:
        """Move a piece, if there is one.

        Args:
            most: the most bytes to splice.
            much: whether the piece is expected to be large enough to splice.

        Returns:
            The outcome, and the number of bytes that were moved.

        Raises:
            ConnectionError: the viewer is gone.
        """
        if not self._frames.free:
            return _FULL, 0
        if self._gauge.looks or not (much and self._splices) or (pipe := self._pipes.borrow()) is None:
            return self._copy()
        self._pipe = pipe
        outcome, moved = self._splice(pipe, min(most, pipe.size))
        if outcome is not _FULL:
            self._give_back()
        return outcome, moved

    async def settle(self, stall_timeout: float) -> None:
        """Wait until the viewer accepts more; see :meth:`~jupyter_vnc.relay.frames.FrameWriter.settle`."""
        await self._frames.settle(stall_timeout)
        self._give_back()

    def close(self) -> None:
        """Hand the rest of an unfinished frame to tornado, and return the pipe."""
        self._frames.abandon()
        self._give_back()

    def _copy(self) -> tuple[Outcome, int]:
        try:
            data = self._source.recv(LITTLE)
        except BlockingIOError:
            return _DRY, 0
        except OSError:
            data = b""  # the target is gone: the same as an end
        if not data:
            return _ENDED, 0
        self._gauge.see(data)
        self._frames.send(data)
        return _MUCH if len(data) >= LITTLE else _LITTLE, len(data)

    def _splice(self, pipe: Pipe, most: int) -> tuple[Outcome, int]:
        moved = 0
        try:
            moved = _fill(pipe, self._source, most)
            return self._frame(pipe, moved), moved
        except BlockingIOError:
            return _DRY, 0
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            # The bytes that had been moved are sent: a frame that was begun is always finished.
            self._splices = False
            log.debug("From here on bytes are copied: splice says %s", error)
            return _MUCH, moved

    def _frame(self, pipe: Pipe, size: int) -> Outcome:
        """Send the contents of the pipe."""
        if not size:
            return _ENDED
        self._gauge.count(size)
        if not self._frames.begin(pipe, size):
            return _FULL
        return _MUCH if size >= LITTLE else _DRY

    def _give_back(self) -> None:
        if self._pipe is not None:
            self._pipes.give_back(self._pipe)
            self._pipe = None


class Engine:
    """Moves pieces as they arrive; a :class:`~jupyter_vnc.relay.scheduler.Mover`.

    Args:
        source: the target's socket.
        carrier: moves its pieces.
        scheduler: schedules the sessions that have much to move.
    """

    def __init__(self, source: socket.socket, carrier: Carrier, scheduler: FairScheduler) -> None:
        self._source = source
        self._carrier = carrier
        self._scheduler = scheduler
        #: Whether the last piece was large, so that the next one should be spliced.
        self._much = False
        self._stopped: asyncio.Future[Outcome]

    async def run(self) -> Outcome:
        """Move pieces until no more can be moved; return ``FULL`` or ``ENDED``.

        Raises:
            ConnectionError: the viewer is gone.
        """
        self._stopped = asyncio.get_running_loop().create_future()
        self._listen()
        try:
            return await self._stopped
        finally:
            self._much = False
            self._scheduler.leave(self)
            asyncio.get_running_loop().remove_reader(self._source)

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._source, self._readable)

    def _readable(self) -> None:
        """Move a piece, or queue for a turn: the event loop calls this when one is there."""
        if self._much and self._scheduler.crowded:
            asyncio.get_running_loop().remove_reader(self._source)
            self._scheduler.wait(self)
        else:
            self._move(PIPE_SIZE)

    def turn(self, most: int) -> int:
        """See :meth:`~jupyter_vnc.relay.scheduler.Mover.turn`."""
        moved = self._move(most)
        if self._stopped.done():
            return moved
        if self._much and moved and self._scheduler.crowded:
            self._scheduler.wait(self)
        else:
            self._listen()
        return moved

    def _move(self, most: int) -> int:
        """Move a piece, and end the run if no more can be moved; return the number of bytes."""
        if self._stopped.done():
            return 0
        try:
            outcome, moved = self._carrier.move(most, much=self._much)
        except Exception as error:  # noqa: BLE001 - run() raises it
            self._stopped.set_exception(error)
            return 0
        if outcome is _LITTLE:
            self._scheduler.moved_little(self)
        elif outcome is _FULL or outcome is _ENDED:
            self._stopped.set_result(outcome)
        if (much := outcome is _MUCH) is not self._much:
            self._much = much
            self._scheduler.has_much(self, much)
        return moved


def _fill(pipe: Pipe, source: socket.socket, most: int) -> int:
    """Move what the socket has into an empty pipe, ``most`` bytes of it; return how much, 0 at the end.

    Raises:
        BlockingIOError: nothing is there.
        OSError: the system does not splice this socket.
    """
    try:
        return os.splice(source.fileno(), pipe.sink, most, flags=SPLICE_FLAGS)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            raise
        return 0  # the target is gone: the same as an end
