"""Zero copy: the kernel moves what the target sends to the browser, and Python writes the heads of the frames.

``splice(2)`` moves bytes from the target's socket into a pipe, without waiting: now it is known how many there are. A
frame's head says so, and ``splice`` moves them on to the browser's socket. Pages change hands; no byte of a picture
comes to user space. It works where both sockets are plain: no TLS, and nothing wrapped around the target leg.

:func:`pump_to_viewer` is the one place that decides which way a session's bytes go.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Final, Protocol, runtime_checkable

from .channels import READ_SIZE, Channel, StreamChannel
from .frames import FrameWriter, wake
from .pipes import PIPE_SIZE, SPLICE_FLAGS, Pipe, PipePool
from .relay import Copier, Filter, Pump, write_in_time

log = logging.getLogger(__name__)

#: What the kernel says when it, or what it is wrapped in, does not splice these sockets.
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP})


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
    early: bytes,
    pipes: PipePool,
    session_id: str,
) -> Pump:
    """Return what moves a session's pictures, the cheapest way that its two ends permit.

    Args:
        target: where bytes come from.
        viewer: where they go.
        count: is told how many bytes pass.
        stall_timeout: seconds that the viewer may take nothing; 0 for no limit.
        early: bytes of the target that came behind its handshake.
        pipes: lends the pipes.
        session_id: for the log.
    """
    try:
        source, frames = _plain(target), _lend(viewer)
    except CannotLend as error:
        log.debug("Session %s: bytes are copied: %s", session_id, error)
        return Copier(target, viewer, _counting(count), stall_timeout=stall_timeout, early=early)
    log.debug("Session %s: zero copy", session_id)
    return Splicer(source, viewer, frames, pipes, count=count, stall_timeout=stall_timeout, early=early)


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
        *,
        count: Callable[[int], None],
        stall_timeout: float,
        early: bytes,
    ) -> None:
        self._target = target
        self._viewer = viewer
        self._frames = frames
        self._pipes = pipes
        self._count = count
        self._stall_timeout = stall_timeout
        self._early = early
        self._splices = True

    async def run(self) -> bool:
        """See :meth:`~jupyter_vnc.relay.Pump.run`."""
        try:
            with closing(self._frames), self._pipes.member():
                source, buffered = await self._target.take_over()
                with source:
                    await self._copy(self._early + buffered)
                    await self._pump(source)
            return await self._viewer.write_eof()
        except ConnectionError:
            return False

    async def _pump(self, source: socket.socket) -> None:
        """Send frame after frame until the target says that no more comes; let others have their turn in between."""
        sent = 0
        while True:
            try:
                size = await self._next(source)
            except BlockingIOError:
                sent = 0
                await _readable(source)
                continue
            if not size:
                return
            sent += size
            if sent >= PIPE_SIZE:
                sent = 0
                await asyncio.sleep(0)

    async def _next(self, source: socket.socket) -> int:
        """Send what is there as one frame; return how much it was, 0 at the end.

        Raises:
            BlockingIOError: nothing is there.
            ConnectionError: the viewer is gone.
            Stalled: it takes nothing.
        """
        pipe = self._pipes.borrow() if self._splices else None
        if pipe is None:
            return await self._copy(_receive(source))
        moved, empty = 0, True
        try:
            if moved := _fill(pipe, source):
                empty = False
                self._count(moved)
                await self._frames.send(pipe, moved, self._stall_timeout)
                empty = True
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            # What had been moved is sent by now: a frame that was begun is always finished.
            self._splices = False
            log.debug("From here on bytes are copied: splice says %s", error)
            moved = moved or await self._copy(_receive(source))
        finally:
            self._pipes.give_back(pipe, empty=empty)
        return moved

    async def _copy(self, data: bytes) -> int:
        """Send bytes that are in our hands; return how many."""
        if data:
            self._count(len(data))
            await write_in_time(self._viewer, data, self._stall_timeout)
        return len(data)


def _fill(pipe: Pipe, source: socket.socket) -> int:
    """Move what the socket has into an empty pipe; return how much, 0 at the end.

    Raises:
        BlockingIOError: nothing is there.
        OSError: the system does not splice this socket.
    """
    try:
        return os.splice(source.fileno(), pipe.sink, pipe.size, flags=SPLICE_FLAGS)
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
        return source.recv(READ_SIZE)
    except BlockingIOError:
        raise
    except OSError:
        return b""


async def _readable(source: socket.socket) -> None:
    """Wait until the socket has bytes, or its end has come."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(source, wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(source)


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
