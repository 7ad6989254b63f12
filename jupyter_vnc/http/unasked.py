"""What a viewer is owed that nobody waits for, answers to pings above all, and has not taken yet."""

from __future__ import annotations

import asyncio
from typing import Final

from tornado.iostream import IOStream

from jupyter_vnc.relay.frames import look_at

#: Bytes of a frame before its payload, as a server sends it, at most (RFC 6455 section 5.2).
MAX_HEADER: Final = 10
#: Bytes that nobody waits for (pongs, notes) and a viewer has not taken, at which it has given up reading.
MAX_UNASKED: Final = 64 * 1024


class Unasked:
    """How much was written for which nobody waits, and which the viewer has not taken yet.

    Payload is written in turns, each of which waits until the socket has taken the last. Pongs are not: a viewer asks
    for them, as many as it likes, and need not read one. An empty write behind them is done when they are gone.
    """

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._size = 0
        self._probe: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether it is more than a viewer that reads would leave."""
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
