"""The websocket beside the one of a session: what a viewer hears, or sees as video."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from jupyter_vnc.desktops.sound.messages import LONGEST_FROM_VIEWER

from .model.streams import Stream
from .websocket import TokenWebSocket

#: Bytes that the kernel takes from us ahead of what it has sent; the rest is dropped rather than heard or seen late.
UNSENT: Final = 4096


class StreamWebSocket(TokenWebSocket):
    """``WS {root}stream``; its messages are in ``desktops/sound/messages.py`` and ``desktops/video/messages.py``."""

    heard: Stream
    max_message_size = LONGEST_FROM_VIEWER

    async def redeem(self, token: str) -> None:
        """Exchange the token for a stream.

        Raises:
            VNCError: it is refused.
        """
        self.heard = await self.broker.streams.redeem(self.visitor(), token)

    def serve(self) -> None:
        """Serve the stream."""
        stream = self.ws_connection.stream if self.ws_connection else None
        if stream is not None:
            hold_little(stream.socket)
        self.broker.streams.open(self.heard, self.channel)


def hold_little(link: socket.socket | None) -> None:
    """Limit what the kernel holds to :data:`UNSENT`, where it can: not on a Unix socket, nor on one that is closed."""
    if link is not None and link.family in {socket.AF_INET, socket.AF_INET6}:
        with suppress(OSError):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
