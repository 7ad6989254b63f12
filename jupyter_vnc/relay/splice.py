"""Pieces: moving what has come at a socket on to the browser, in the event loop's callbacks.

A session's bytes come in pieces: what the socket has when the event loop looks. :class:`Carrier` knows how one piece is
moved, and says what came of it; :class:`Engine` knows when, and goes on until somebody has to wait. No task is woken up
for a piece.
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
from .scheduler import Turns

log = get_logger(__name__)

#: What the kernel says when it, or what it is wrapped in, does not splice these sockets.
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP})

#: What is copied at most (bytes). For less than this the system calls that move it cost more than the copy.
LITTLE: Final = 32 * 1024


class Outcome(Enum):
    """What came of trying to move a piece. The last two end a run of the engine."""

    #: Much was there, and is moved: the next piece is worth splicing.
    MUCH = auto()
    #: Little was there, and is copied.
    LITTLE = auto()
    #: Nothing is there any more: what came before was the last of it.
    DRY = auto()
    #: The viewer does not take more at once: wait until the frames are free.
    FULL = auto()
    #: The target has said that no more comes, or is gone.
    ENDED = auto()


# By their names: to look one up in its class costs a tenth of a microsecond, several times for each piece.
_MUCH, _LITTLE, _DRY, _FULL, _ENDED = Outcome


class Carrier:
    """Moves one piece at a time, as one frame.

    Without a pipe to borrow, or on a system that turns out not to splice, a piece is copied: the bytes are the same.

    Args:
        source: the target's socket, non-blocking.
        frames: writes to the browser's.
        pipes: lends the pipes.
        count: is told how many bytes pass.
    """

    def __init__(
        self, source: socket.socket, frames: FrameWriter, pipes: PipePool, count: Callable[[int], None]
    ) -> None:
        self._source = source
        self._frames = frames
        self._pipes = pipes
        self._count = count
        self._splices = True
        #: The pipe that has the rest of an unfinished frame.
        self._pipe: Pipe | None = None

    def move(self, most: int, *, much: bool) -> tuple[Outcome, int]:
        """Move what is there.

        Args:
            most: the most bytes to splice.
            much: whether so much is expected that splicing costs less than copying.

        Returns:
            What came of it, and how many bytes were moved.

        Raises:
            ConnectionError: the viewer is gone.
        """
        if not self._frames.free:
            return _FULL, 0
        self._pipe = self._pipes.borrow() if much and self._splices else None
        try:
            outcome, moved = self._copy() if self._pipe is None else self._splice(self._pipe, most)
        except BlockingIOError:
            outcome, moved = _DRY, 0
        if self._pipe is not None and outcome is not _FULL:
            self._give_back()
        return outcome, moved

    async def settle(self, stall_timeout: float) -> None:
        """Wait until the viewer takes more. See :meth:`~jupyter_vnc.relay.frames.FrameWriter.settle`."""
        await self._frames.settle(stall_timeout)
        self._give_back()

    def close(self) -> None:
        """Leave the rest of an unfinished frame to tornado, and the pipe to others."""
        self._frames.abandon()
        self._give_back()

    def _copy(self) -> tuple[Outcome, int]:
        data = _receive(self._source)
        if not data:
            return _ENDED, 0
        self._count(len(data))
        self._frames.send(data)
        return _MUCH if len(data) >= LITTLE else _LITTLE, len(data)

    def _splice(self, pipe: Pipe, most: int) -> tuple[Outcome, int]:
        moved = 0
        try:
            moved = _fill(pipe, self._source, min(most, pipe.size))
            return self._frame(pipe, moved), moved
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            # What had been moved is sent: a frame that was begun is always finished.
            self._splices = False
            log.debug("From here on bytes are copied: splice says %s", error)
            return _MUCH, moved

    def _frame(self, pipe: Pipe, size: int) -> Outcome:
        """Send what is in the pipe."""
        if not size:
            return _ENDED
        self._count(size)
        if not self._frames.begin(pipe, size):
            return _FULL
        return _MUCH if size >= LITTLE else _DRY

    def _give_back(self) -> None:
        if self._pipe is not None:
            self._pipes.give_back(self._pipe)
            self._pipe = None


class Engine:
    """Moves pieces whenever they are there; a :class:`~jupyter_vnc.relay.scheduler.Mover`.

    Args:
        source: the target's socket, to be watched.
        carrier: moves its pieces.
        turns: says when sessions that have much to move may do so.
    """

    def __init__(self, source: socket.socket, carrier: Carrier, turns: Turns) -> None:
        self._source = source
        self._carrier = carrier
        self._turns = turns
        #: Whether so much was there lately that moving it costs less than copying.
        self._much = False
        self._stopped: asyncio.Future[Outcome]

    async def run(self) -> Outcome:
        """Move pieces until that is not possible; return why: ``FULL`` or ``ENDED``.

        Raises:
            ConnectionError: the viewer is gone.
        """
        self._stopped = asyncio.get_running_loop().create_future()
        self._listen()
        try:
            return await self._stopped
        finally:
            self._much = False
            self._turns.leave(self)
            asyncio.get_running_loop().remove_reader(self._source)

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._source, self._readable)

    def _readable(self) -> None:
        """Move a piece, or queue for a turn: the event loop calls this when one is there."""
        if self._much and self._turns.crowded:
            asyncio.get_running_loop().remove_reader(self._source)
            self._turns.wait(self)
        else:
            self._move(PIPE_SIZE)

    def turn(self, most: int) -> int:
        """See :meth:`~jupyter_vnc.relay.scheduler.Mover.turn`."""
        moved = self._move(most)
        if self._stopped.done():
            return moved
        if self._much and moved and self._turns.crowded:
            self._turns.wait(self)
        else:
            self._listen()
        return moved

    def _move(self, most: int) -> int:
        """Move a piece, and end the run when no more can be moved; return how many bytes it was."""
        if self._stopped.done():
            return 0
        try:
            outcome, moved = self._carrier.move(most, much=self._much)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            self._stopped.set_exception(error)
            return 0
        if outcome is _FULL or outcome is _ENDED:
            self._stopped.set_result(outcome)
        else:
            self._note(outcome)
        return moved

    def _note(self, outcome: Outcome) -> None:
        """Let the others know how much room this one needs."""
        if (much := outcome is _MUCH) is not self._much:
            self._much = much
            self._turns.has_much(self, much)
        if outcome is _LITTLE:
            self._turns.moved_little(self)


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


def _receive(source: socket.socket) -> bytes:
    """Read what the socket has; empty at the end.

    Raises:
        BlockingIOError: nothing is there.
    """
    try:
        return source.recv(LITTLE)
    except BlockingIOError:
        raise
    except OSError:
        return b""
