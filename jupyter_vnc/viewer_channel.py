"""The viewer leg: a websocket as a channel, with backpressure."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Final

from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.http.unawaited_writes import Unasked
from jupyter_vnc.model.sessions import Note
from jupyter_vnc.relay.frames import FrameWriter, look_at
from jupyter_vnc.relay.zerocopy import CannotLend
from jupyter_vnc.system.logs import get_logger

log = get_logger(__name__)

#: Unread bytes of a viewer at which we stop reading its socket.
HIGH_WATER: Final = 128 * 1024

#: A close frame's reason holds at most this (RFC 6455 section 5.5.1).
MAX_CLOSE_REASON: Final = 123


class WebSocketChannel:
    """The viewer's end as a :class:`~jupyter_vnc.channels.Channel`.

    ``feed`` is the websocket's ``on_message``: it returns only when there is room, and tornado reads no further frame
    until then. While we are not reading, pings are suspended, so that a full target does not look like a dead browser.
    """

    def __init__(self, handler: WebSocketHandler) -> None:
        self._handler = handler
        self._unread: deque[bytes] = deque()
        self._size = 0
        self._eof = False
        self._readable = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._pong = asyncio.Event()
        self._frames: FrameWriter | None = None
        stream = handler.ws_connection.stream if handler.ws_connection else None
        self._unasked = None if stream is None else Unasked(stream)

    async def feed(self, data: bytes) -> None:
        """Take a message of the viewer; wait until there is room for the next.

        An empty one is nothing: it would be read as the end, and as many as anybody likes would fit in.
        """
        if not data:
            return
        self._unread.append(data)
        self._size += len(data)
        self._readable.set()
        if self._size >= HIGH_WATER:
            self._room.clear()
            await self._room.wait()

    def feed_eof(self) -> None:
        """Note that the viewer is gone."""
        self._eof = True
        self._readable.set()
        self._room.set()
        if self._frames is not None:
            self._frames.close()

    def pong(self) -> None:
        """Note an answer to a ping."""
        self._pong.set()

    def pinged(self, size: int) -> None:
        """Note that a ping of the viewer was answered with that many bytes; a viewer that reads no pongs is gone."""
        if self._unasked is None:
            return
        self._unasked.add(size)
        if self._unasked.full:
            log.info("A viewer sends pings and reads no answer: its connection is closed")
            self.abort()

    async def read(self) -> bytes:
        """Return all received bytes at once."""
        await self._readable.wait()
        data = b"".join(self._unread)
        self._unread.clear()
        self._size = 0
        self._room.set()
        if not self._eof:
            self._readable.clear()
        return data

    async def write(self, data: bytes) -> None:
        """Send one binary message; return when the socket has accepted it."""
        try:
            sent = asyncio.ensure_future(self._handler.write_message(data, binary=True))
            sent.add_done_callback(look_at)
            # Tornado finishes a message that it has begun, even if nothing waits for it: cancelling its future would
            # only cause a log message.
            await asyncio.shield(sent)
        except (WebSocketClosedError, StreamClosedError) as error:
            raise ConnectionResetError("the viewer is gone") from error

    def tell(self, note: Note) -> None:
        """Send a note, if the viewer is connected and reading; does not wait."""
        if self._unasked is None or self._unasked.full:
            return
        text = json.dumps(note)
        try:
            asyncio.ensure_future(self._handler.write_message(text)).add_done_callback(look_at)
            self._unasked.add(len(text))
        except (WebSocketClosedError, StreamClosedError):
            log.debug("The viewer left before it got a note")

    def lend(self) -> FrameWriter:
        """See :meth:`~jupyter_vnc.relay.zerocopy.Lender.lend`: tornado's own writes are queued from now on."""
        stream = getattr(self._handler.ws_connection, "stream", None)
        if type(stream) is not IOStream or stream.closed():
            raise CannotLend("the browser's connection is encrypted, or closed")
        try:
            self._frames = FrameWriter(stream)
        except OSError as error:  # no descriptor for a duplicate
            raise CannotLend(str(error)) from None
        if not self._frames.sees(lambda: self._handler.ping(b"vnc")):
            self._frames.close()
            raise CannotLend("this version of tornado writes in an unknown way")
        return self._frames

    async def write_eof(self) -> bool:
        """A websocket cannot close one way only (RFC 6455 section 7.1.2)."""
        return False

    async def close(self, code: CloseCode = CloseCode.NORMAL, reason: str = "") -> None:
        """Close with a code and a sentence, cut at a character's end."""
        cut = reason.encode()[:MAX_CLOSE_REASON].decode("utf-8", "ignore")
        self.feed_eof()
        self._handler.close(code.value, cut)

    async def keep_alive(self, interval: float) -> None:
        """Ping every ``interval`` seconds; a browser that does not answer within as many is gone."""
        while True:
            await asyncio.sleep(interval)
            await self._room.wait()
            self._pong.clear()
            try:
                self._handler.ping(b"vnc")
                async with asyncio.timeout(interval):
                    await self._pong.wait()
            except TimeoutError:
                if self._room.is_set():
                    break
            except (WebSocketClosedError, StreamClosedError):
                break
        self.abort()

    def abort(self) -> None:
        """Abort the connection: a peer that reads nothing reads no close frame either."""
        self.feed_eof()
        if (stream := self._handler.ws_connection and self._handler.ws_connection.stream) is not None:
            stream.close()
