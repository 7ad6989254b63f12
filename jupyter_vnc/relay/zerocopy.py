"""Zero copy: the kernel moves what the target sends to the browser, and Python writes the heads of the frames.

``splice(2)`` moves bytes from the target's socket into a pipe, without waiting: now it is known how many there are. A
frame's head says so, and ``splice`` moves them on to the browser's socket. Pages change hands; no byte of a picture
comes to user space. It works where both sockets are plain: no TLS, and nothing wrapped around the target leg. What is
little is copied all the same, because that is cheaper.

:func:`pump_to_viewer` is the one place that decides which way a session's bytes go.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Final, Protocol, runtime_checkable

from jupyter_vnc.channels import Channel, StreamChannel
from jupyter_vnc.system.logs import get_logger

from .frames import FrameWriter
from .pipes import PIPE_SIZE, SPLICE_FLAGS, Pipe, PipePool
from .relay import Copier, Filter, Pump, write_in_time
from .scheduler import Turns

log = get_logger(__name__)

#: What the kernel says when it, or what it is wrapped in, does not splice these sockets.
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP})

#: What is copied at most (bytes). For less than this the system calls that move it cost more than the copy.
LITTLE: Final = 32 * 1024


class CannotLend(Exception):
    """The viewer's socket must not be written past its owner; says why."""


@runtime_checkable
class Lender(Protocol):
    """A viewer's end that can lend the write side of its socket."""

    def lend(self) -> FrameWriter:
        """Return the one that writes frames from now on.

        Raises:
            CannotLend: says why not.
        """


def available() -> bool:
    """Whether this system can splice at all."""
    return hasattr(os, "splice") and hasattr(fcntl, "F_SETPIPE_SZ")


def pump_to_viewer(
    target: Channel,
    viewer: Channel,
    *,
    count: Callable[[int], None],
    stall_timeout: float,
    pipes: PipePool,
    turns: Turns,
    session_id: str,
) -> Pump:
    """Return what moves a session's pictures, the cheapest way that its two ends permit.

    Args:
        target: where bytes come from.
        viewer: where they go.
        count: is told how many bytes pass.
        stall_timeout: seconds that the viewer may take nothing; 0 for no limit.
        pipes: lends the pipes.
        turns: says when sessions that have much to move may do so.
        session_id: for the log.
    """
    try:
        source, frames = _plain(target), _lend(viewer)
    except CannotLend as error:
        log.debug("Session %s: bytes are copied: %s", session_id, error)
        return Copier(target, viewer, _counting(count), stall_timeout=stall_timeout)
    log.debug("Session %s: zero copy", session_id)
    return Splicer(source, viewer, frames, pipes, turns, count=count, stall_timeout=stall_timeout)


class Splicer:
    """A pump from a target's socket to a browser's, through a pipe. Made by :func:`pump_to_viewer`.

    Without a pipe to borrow, or on a system that turns out not to splice, a piece is copied: the bytes are the same.
    """

    def __init__(
        self,
        target: StreamChannel,
        viewer: Channel,
        frames: FrameWriter,
        pipes: PipePool,
        turns: Turns,
        *,
        count: Callable[[int], None],
        stall_timeout: float,
    ) -> None:
        self._target = target
        self._viewer = viewer
        self._frames = frames
        self._pipes = pipes
        self._turns = turns
        self._count = count
        self._stall_timeout = stall_timeout
        self._splices = True
        #: Whether so much was there lately that moving it costs less than copying.
        self._much = False
        self._pipe: Pipe | None = None
        self._pause: asyncio.Future[bool]
        self._source: socket.socket

    async def run(self) -> bool:
        """See :meth:`~jupyter_vnc.relay.relay.Pump.run`."""
        try:
            with closing(self._frames), self._pipes.member():
                source, buffered = await self._target.take_over()
                with source:
                    await self._copy(buffered)
                    await self._pump(source)
            return await self._viewer.write_eof()
        except ConnectionError:
            return False

    async def _pump(self, source: socket.socket) -> None:
        """Send frame after frame until the target says that no more comes."""
        try:
            while await self._run_freely(source):
                await self._frames.settle(self._stall_timeout)
                self._return_pipe()
        finally:
            self._frames.abandon()
            self._return_pipe()

    async def _run_freely(self, source: socket.socket) -> bool:
        """Move a piece whenever one is there, until the viewer has to be waited for (True) or the target ends (False).

        This is done in the event loop's callbacks, not in a task: nothing has to be woken up for a piece.
        """
        self._pause = asyncio.get_running_loop().create_future()
        self._source = source
        self._listen()
        try:
            return await self._pause
        finally:
            self._has_much(False)
            self._turns.leave(self)
            self._listen(on=False)

    def _listen(self, *, on: bool = True) -> None:
        """Have the event loop tell when bytes are there."""
        loop = asyncio.get_running_loop()
        if on:
            loop.add_reader(self._source, self._readable)
        else:
            loop.remove_reader(self._source)

    def _readable(self) -> None:
        if self._much and self._turns.crowded:
            self._listen(on=False)
            self._turns.wait(self)
        else:
            self._try(PIPE_SIZE)

    def turn(self, most: int) -> int:
        """See :meth:`~jupyter_vnc.relay.scheduler.Mover.turn`."""
        moved = self._try(most)
        if not self._pause.done():
            if self._much and moved and self._turns.crowded:
                self._turns.wait(self)
            else:
                self._listen()
        return moved

    def _try(self, most: int) -> int:
        """Move a piece, and end the run when that is not possible; return how much was moved."""
        if self._pause.done():
            return 0
        try:
            return self._move(most)
        except BlockingIOError:
            self._has_much(False)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            self._pause.set_exception(error)
        return 0

    def _move(self, most: int) -> int:
        """Move a piece: little is cheaper to copy than to move.

        Raises:
            BlockingIOError: nothing is there.
            ConnectionError: the viewer is gone.
        """
        if not self._frames.free:
            self._pause.set_result(True)
            return 0
        if self._much and self._splices and (pipe := self._pipes.borrow()) is not None:
            self._pipe = pipe
            try:
                return self._splice(pipe, min(most, pipe.size))
            finally:
                if self._frames.free:
                    self._return_pipe()
        data = _receive(self._source)
        if data:
            self._has_much(len(data) >= LITTLE)
            if not self._much:
                self._turns.moved_little(self)
            self._count(len(data))
            self._frames.send(data)
        else:
            self._pause.set_result(False)
        return len(data)

    def _splice(self, pipe: Pipe, most: int) -> int:
        moved = 0
        try:
            moved = _fill(pipe, self._source, most)
            self._count(moved)
            self._has_much(moved >= LITTLE)
            if not moved:
                self._pause.set_result(False)
            elif not self._frames.begin(pipe, moved):
                self._pause.set_result(True)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            # What had been moved is sent: a frame that was begun is always finished.
            self._splices = False
            log.debug("From here on bytes are copied: splice says %s", error)
        return moved

    def _has_much(self, much: bool) -> None:
        if much is not self._much:
            self._much = much
            self._turns.has_much(self, much)

    def _return_pipe(self) -> None:
        if self._pipe is not None:
            self._pipes.give_back(self._pipe)
            self._pipe = None

    async def _copy(self, data: bytes) -> None:
        """Send bytes that are in our hands."""
        if data:
            self._count(len(data))
            await write_in_time(self._viewer, data, self._stall_timeout)


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


def _plain(target: Channel) -> StreamChannel:
    if not available():
        raise CannotLend("this system does not splice")
    if not isinstance(target, StreamChannel):
        raise CannotLend("the target's login wraps its bytes")
    if target.encrypted:
        raise CannotLend("the target leg is TLS")
    return target


def _lend(viewer: Channel) -> FrameWriter:
    if not isinstance(viewer, Lender):
        raise CannotLend("the viewer's end does not lend its socket")
    return viewer.lend()


def _counting(count: Callable[[int], None]) -> Filter:
    def look(data: bytes) -> bytes:
        count(len(data))
        return data

    return look
