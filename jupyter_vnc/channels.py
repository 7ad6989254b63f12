"""Channels: one end of a session as four methods, independent of the transport.

The relay depends on this contract only, not on sockets or websockets. The contract carries backpressure: ``write``
returns when the peer has accepted enough data, and not calling ``read`` slows the peer down.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final, Protocol

from .close_codes import CloseCode

#: The most that one ``read`` returns (bytes); also what a slow peer may leave unread in our buffers.
READ_SIZE: Final = 64 * 1024

Socket = socket.socket


class Channel(Protocol):
    """One end of a session."""

    async def read(self) -> bytes:
        """Return the next bytes, at least one; ``b""`` once the peer has ended its side or is gone."""

    async def write(self, data: bytes) -> None:
        """Send bytes; return when there is room for more.

        Raises:
            ConnectionError: the peer is gone.
        """

    async def write_eof(self) -> bool:
        """Signal the end of our side. False if the transport cannot close one way only: both ways are then closed."""

    async def close(self, code: CloseCode = CloseCode.NORMAL, reason: str = "") -> None:
        """Close both ways and wait until it is done; a second call does nothing. Never raises.

        Args:
            code: why, for the peer; a plain socket does not transmit it.
            reason: a sentence for the person there.
        """


class StreamChannel:
    """A channel over an asyncio stream: TCP, Unix socket, TLS over either."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        #: What TLS said when it broke, such as the peer's alert; and whether nothing came since TLS began.
        self.tls_error: ssl.SSLError | None = None
        self.silent_in_tls = False
        # Past this, write() waits: what a viewer sends is small, so more than this means that the target is stuck.
        writer.transport.set_write_buffer_limits(high=READ_SIZE)

    @property
    def socket(self) -> Socket:
        """The underlying socket, for its options and addresses."""
        return self._writer.get_extra_info("socket")  # type: ignore[no-any-return]

    @property
    def encrypted(self) -> bool:
        """Whether the socket carries TLS."""
        return self._writer.get_extra_info("ssl_object") is not None

    async def read(self) -> bytes:
        """See :meth:`Channel.read`."""
        try:
            data = await self._reader.read(READ_SIZE)
        except OSError as error:  # reset, timed out, no route any more, TLS broken: the stream has ended
            self.tls_error = error if isinstance(error, ssl.SSLError) else None
            # A close with bytes of ours unread is a reset.
            self.silent_in_tls = self.silent_in_tls and isinstance(error, ConnectionResetError)
            return b""
        if data:
            self.silent_in_tls = False
        return data

    async def take_over(self) -> tuple[Socket, bytes]:
        """Hand over the reading side: a descriptor of the socket to read from, and what has been read already.

        The caller closes the socket; afterwards :meth:`read` returns nothing. Writing and closing stay here.
        """
        transport = self._writer.transport
        assert isinstance(transport, asyncio.ReadTransport)  # noqa: S101 - for the type checker
        transport.pause_reading()
        # After feed_eof() the reader returns all it has without waiting; it may resume the transport.
        self._reader.feed_eof()
        buffered = await self._reader.read()
        transport.pause_reading()
        return self.socket.dup(), buffered

    async def write(self, data: bytes) -> None:
        """See :meth:`Channel.write`."""
        self._writer.write(data)
        try:
            await self._writer.drain()
        except (ssl.SSLError, TimeoutError) as error:
            raise ConnectionResetError(str(error)) from error

    async def write_eof(self) -> bool:
        """See :meth:`Channel.write_eof`."""
        if not self._writer.can_write_eof():
            return False
        with contextlib.suppress(OSError):
            self._writer.write_eof()
        return True

    async def start_tls(self, context: ssl.SSLContext, hostname: str | None) -> bytes:
        """Continue inside TLS; return the peer's certificate (DER), empty if it has none.

        Raises:
            ssl.SSLError: the handshake or the certificate's verification failed.
        """
        await self._writer.start_tls(context, server_hostname=hostname)
        self.silent_in_tls = True
        tls: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) or b""

    async def close(self, code: CloseCode = CloseCode.NORMAL, reason: str = "") -> None:
        """See :meth:`Channel.close`."""
        self._writer.close()
        # A task of its own: a time limit around wait_closed() would cancel the future that every close() waits for.
        closed = asyncio.ensure_future(self._writer.wait_closed())
        closed.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            # A peer that does not read would keep a graceful close waiting for its window: give it a moment only.
            await asyncio.wait({closed}, timeout=1.0)
        finally:
            self._writer.transport.abort()
        await asyncio.wait({closed}, timeout=1.0)
