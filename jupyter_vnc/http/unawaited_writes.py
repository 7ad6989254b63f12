"""Bytes to a viewer that no coroutine waits for, mainly pongs, and that the viewer has not read yet."""

from __future__ import annotations

import asyncio
from typing import Final

from tornado.iostream import IOStream

from jupyter_vnc.relay.frames import look_at

#: Bytes of a frame before its payload, as a server sends it, at most (RFC 6455 section 5.2).
MAX_HEADER: Final = 10
#: Unread bytes that no coroutine waits for (pongs, notes), at which the viewer counts as no longer reading.
MAX_UNASKED: Final = 64 * 1024


class Unasked:
    """Counts the bytes that were written without waiting and that the viewer has not read yet.

    Payload is written in turns, each of which waits until the socket has accepted the last. Pongs are not: a viewer can
    request any number of them without reading one. An empty write behind them completes when they are sent.
    """

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._size = 0
        self._probe: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether it is more than a viewer that is reading would leave."""
        return self._size > MAX_UNASKED

    def add(self, size: int) -> None:
        """Count a frame that was just written, with so much payload (bytes)."""
        self._size += size + MAX_HEADER
        if self._probe is None and not self._stream.closed():
            self._probe = asyncio.ensure_future(self._stream.write(b""))
            counted = self._size
            self._probe.add_done_callback(lambda probe: self._gone(probe, counted))

    def _gone(self, probe: asyncio.Future[None], counted: int) -> None:
        look_at(probe)
        self._probe = None
        self._size -= counted
