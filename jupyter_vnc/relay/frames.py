"""Frames: whose turn it is on the browser's socket.

Two write there. tornado does, whenever it likes: pongs, our pings, the close frame, messages that are copied. And the
kernel does, with payload that never comes to Python. A websocket frame that another one cuts into ends the connection,
so there is one rule: a frame is written from its first byte to its last by one writer, and meanwhile the other waits.

Before the kernel's turn, all that tornado has begun must be gone; from then on what tornado writes is kept, and is
written behind the frame. If the kernel does not finish its frame (the session ends, the browser takes nothing), the
rest is copied out of the pipe and given to tornado as well: whatever happens, the frame is whole.

tornado's stream is known here by what it does, not by import: :class:`Stream` is all that is needed of it, and all of
it is public.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from jupyter_vnc.exceptions import Stalled

from .pipes import SPLICE_FLAGS, Pipe

#: A whole binary message in one frame, unmasked (RFC 6455 section 5.2).
_FIN_BINARY: Final = 0x82
_SHORT: Final = struct.Struct("!BB")
_MEDIUM: Final = struct.Struct("!BBH")
_LONG: Final = struct.Struct("!BBQ")


class Stream(Protocol):
    """What is needed of tornado's ``IOStream``."""

    socket: socket.socket

    def write(self, data: bytes) -> asyncio.Future[None]:
        """Write; the future is done when the socket has taken it."""

    def writing(self) -> bool:
        """Whether something is still to be written."""

    def closed(self) -> bool:
        """Whether it is closed."""


def header(size: int) -> bytes:
    """The head of a binary frame with this many bytes of payload (RFC 6455 section 5.2)."""
    if size < 126:
        return _SHORT.pack(_FIN_BINARY, size)
    if size < 1 << 16:
        return _MEDIUM.pack(_FIN_BINARY, 126, size)
    return _LONG.pack(_FIN_BINARY, 127, size)


class _Frame:
    """What of a frame the socket has not taken yet."""

    __slots__ = ("head", "left", "pipe")

    def __init__(self, pipe: Pipe, size: int) -> None:
        self.head = header(size)
        self.pipe = pipe
        self.left = size

    def take(self) -> bytes:
        """Copy out the rest."""
        return self.head + self.pipe.take(self.left) if self.head or self.left else b""


class FrameWriter:
    """Owns the write side of a browser's socket, until :meth:`close`.

    Args:
        stream: tornado's; its ``write`` comes here first from now on.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._write = stream.write
        # A descriptor of our own: tornado has the other one in the event loop, and may close it at any time.
        self._socket = stream.socket.dup()
        self._fd = self._socket.fileno()
        self._held = False
        #: The frame that was begun and is not finished.
        self._frame: _Frame | None = None
        self._kept: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._ready: asyncio.Future[None] | None = None
        stream.write = self.write  # type: ignore[method-assign]

    @property
    def closed(self) -> bool:
        """Whether the socket is tornado's alone again."""
        return self._fd < 0

    def sees(self, write: Callable[[], None]) -> bool:
        """Try whether what a function makes tornado write comes by here, as all of it must."""
        self._held = True
        try:
            write()
            return bool(self._kept)
        finally:
            self._release()

    def write(self, data: bytes) -> asyncio.Future[None]:
        """Write for tornado, in its turn."""
        if not self._held or self._stream.closed():
            return self._write(data)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(look_at)
        self._kept.append((data, future))
        return future

    @property
    def free(self) -> bool:
        """Whether a frame can be begun now: nothing that tornado or we have begun is still to be written."""
        return not (self._held or self.closed or self._stream.closed() or self._stream.writing())

    def begin(self, pipe: Pipe, size: int) -> bool:
        """Send of the ``size`` bytes that a pipe holds, as one frame, what the socket takes at once.

        Call it when this is :attr:`free`. Whatever is raised, the frame is whole: what is left of it is tornado's.

        Returns:
            Whether that was all; if not, :meth:`settle` sends the rest, and the pipe is not empty before.

        Raises:
            ConnectionError: the browser is gone.
            OSError: the kernel does not do this.
        """
        self._frame = _Frame(pipe, size)
        self._held = True
        try:
            done = self._advance(self._frame)
        except BaseException:
            self.abandon()
            raise
        if done:
            self._frame = None
            self._release()
        return done

    def send(self, data: bytes) -> None:
        """Send a message in one frame; what the socket does not take at once is tornado's.

        Call it when this is :attr:`free`.

        Raises:
            ConnectionError: the browser is gone.
        """
        message = header(len(data)) + data
        try:
            sent = self._socket.send(message)
        except BlockingIOError:
            sent = 0
        if sent < len(message):
            self._pass_on(message[sent:], None)

    async def settle(self, stall_timeout: float) -> None:
        """Wait until this is :attr:`free`: our frame is finished, and so is all that tornado has begun.

        Raises:
            ConnectionError: the browser is gone.
            Stalled: it took nothing for ``stall_timeout`` seconds (0: no limit).
            OSError: the kernel does not do this.
        """
        if self._frame is not None:
            try:
                while not self._advance(self._frame):
                    await self._writable(stall_timeout)
            finally:
                self.abandon()
        await self._turn(stall_timeout)
        if self.closed or self._stream.closed():
            raise _gone()

    def abandon(self) -> None:
        """Leave what is left of a frame that was begun to tornado. Afterwards its pipe is empty."""
        if (frame := self._frame) is not None:
            self._frame = None
            self._release(frame.take())

    def close(self) -> None:
        """Give the socket back to tornado; wake up whoever waits for it. A second call does nothing."""
        if self.closed:
            return
        if self._ready is not None:
            asyncio.get_running_loop().remove_writer(self._fd)
            if not self._ready.done():
                self._ready.set_exception(_gone())
        self._fd = -1
        self._socket.close()
        del self._stream.write

    async def _turn(self, stall_timeout: float) -> None:
        """Wait until everything is gone that tornado has begun to write."""
        try:
            async with asyncio.timeout(stall_timeout or None):
                while self._stream.writing():
                    # Shielded: tornado complains when a future of its own is cancelled.
                    await asyncio.shield(self._write(b""))
        except TimeoutError:
            raise Stalled from None
        except OSError as error:
            raise _gone() from error

    def _advance(self, frame: _Frame) -> bool:
        """Write what the socket takes at once; return whether that was the whole frame."""
        if self.closed or self._stream.closed():
            raise _gone()
        try:
            while frame.head:
                frame.head = frame.head[self._socket.send(frame.head, socket.MSG_MORE) :]
            while frame.left:
                frame.left -= os.splice(frame.pipe.source, self._fd, frame.left, flags=SPLICE_FLAGS)
        except BlockingIOError:
            return False
        return True

    async def _writable(self, stall_timeout: float) -> None:
        """Wait until the socket takes more: the stall timeout counts from the last byte that it took."""
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_writer(self._fd, wake, self._ready)
        try:
            async with asyncio.timeout(stall_timeout or None):
                await self._ready
        except TimeoutError:
            raise Stalled from None
        finally:
            self._ready = None
            if not self.closed:
                loop.remove_writer(self._fd)

    def _release(self, rest: bytes = b"") -> None:
        """Let tornado write again: first the rest of our frame, then what was kept."""
        self._held = False
        if rest:
            self._pass_on(rest, None)
        while self._kept:
            self._pass_on(*self._kept.popleft())

    def _pass_on(self, data: bytes, future: asyncio.Future[None] | None) -> None:
        try:
            written = self._write(data)
        except OSError as error:
            # Closed meanwhile: tornado would have notified the waiter in the same way.
            if future is not None and not future.done():
                future.set_exception(error)
            return
        if future is not None:
            written.add_done_callback(partial(_settle, future))


def look_at(future: asyncio.Future[None]) -> None:
    """Retrieve a write's exception, so that asyncio does not complain that nobody did."""
    if not future.cancelled():
        future.exception()


def _settle(future: asyncio.Future[None], written: asyncio.Future[None]) -> None:
    """Let the future that was given for a kept write end as the write has."""
    if future.done():
        return
    if written.cancelled():
        future.cancel()
    elif (error := written.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(None)


def wake(future: asyncio.Future[None]) -> None:
    """Let a future's waiter go on; for the event loop's callbacks."""
    if not future.done():
        future.set_result(None)


def _gone() -> ConnectionResetError:
    return ConnectionResetError("the viewer is gone")
