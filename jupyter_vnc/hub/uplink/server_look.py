"""The way by which a user's server brings a desktop to the service: a websocket that it has opened, as a channel.

This module runs in users' servers; see :mod:`~jupyter_vnc.hub.visitors`.
"""

from __future__ import annotations

import asyncio

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.relay.frames import look_at
from jupyter_vnc.viewer_channel import MAX_CLOSE_REASON


class ServerLook:
    """The service's end as a :class:`~jupyter_vnc.channels.Channel`.

    Tornado reads a message only when the one before it was taken, so that nothing piles up here.
    """

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._stream = connection.protocol.stream if connection.protocol else None
        self._over = False

    async def read(self) -> bytes:
        """See :meth:`.Channel.read`; text is of no protocol that is spoken here, and ends the connection."""
        while (message := await self._connection.read_message()) is not None:
            if isinstance(message, str):
                break
            if message:
                return message
        self._over = message is None
        return b""

    async def write(self, data: bytes) -> None:
        """See :meth:`.Channel.write`."""
        try:
            sent = asyncio.ensure_future(self._connection.write_message(data, binary=True))
            sent.add_done_callback(look_at)
            await asyncio.shield(sent)  # Tornado finishes a message that it has begun
        except (WebSocketClosedError, StreamClosedError) as error:
            raise ConnectionResetError("the service is gone") from error

    async def write_eof(self) -> bool:
        """A websocket cannot close one way only."""
        return False

    async def close(self, code: CloseCode = CloseCode.NORMAL, reason: str = "") -> None:
        """Close with a code and a sentence, cut at a character's end."""
        cut = reason.encode()[:MAX_CLOSE_REASON].decode("utf-8", "ignore")
        self._connection.close(code.value, cut)

    async def finish(self, limit: float) -> None:
        """Close, and take what still comes: tornado reads no answer to the close before, and waits for it.

        Args:
            limit: seconds after which the connection is cut.
        """
        self._connection.close()
        try:
            async with asyncio.timeout(limit):
                while not self._over:
                    self._over = await self._connection.read_message() is None
        except TimeoutError:
            return
        finally:
            if self._stream is not None and not self._over:
                self._stream.close()
