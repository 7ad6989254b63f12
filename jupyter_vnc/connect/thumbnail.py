"""A small picture of a desktop as PNG, taken over a connection that is logged in; in bounded memory."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from struct import pack
from typing import Final

from jupyter_vnc.exceptions import TargetUnreachable
from jupyter_vnc.rfb.handshake import client_init
from jupyter_vnc.rfb.picture import CHUNK, PREFERENCES, PictureReader, check_size, request
from jupyter_vnc.rfb.server_init import ServerInit
from jupyter_vnc.rfb.stream import Conversation

from .login import TargetLeg

#: The picture fits into this (pixels).
MAX_WIDTH: Final = 640
MAX_HEIGHT: Final = 480
#: Seconds until it has to be there.
TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture, and the size of the desktop (pixels)."""

    png: bytes
    width: int
    height: int


class _Canvas:
    """Keeps every n-th pixel of every n-th row, as RGB."""

    def __init__(self, width: int, height: int) -> None:
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """See :class:`~jupyter_vnc.rfb.picture.Canvas`."""
        self.size = width, height
        self.every = every = max(1, -(-width // MAX_WIDTH), -(-height // MAX_HEIGHT))
        self.width, self.height = -(-width // every), -(-height // every)
        self.pixels = bytearray(3 * self.width * self.height)

    def draw(self, x: int, y: int, width: int, height: int, pixels: bytes) -> None:
        """See :class:`~jupyter_vnc.rfb.picture.Canvas`; a pixel is blue, green, red and a byte without meaning."""
        every, left = self.every, -x % self.every
        for row in range(-y % every, height, every):
            line = pixels[4 * width * row : 4 * width * (row + 1)]
            at = 3 * ((y + row) // every * self.width + (x + left) // every)
            for colour in range(3):
                part = line[4 * left + 2 - colour :: 4 * every]
                self.pixels[at + colour : at + colour + 3 * len(part) : 3] = part

    def png(self) -> bytes:
        """Return the picture (PNG, second edition: 8 bits each of red, green and blue, no filter)."""
        line = 3 * self.width
        rows = b"".join(b"\0" + self.pixels[line * row : line * (row + 1)] for row in range(self.height))
        header = pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
        )


async def take(leg: TargetLeg) -> Thumbnail:
    """Take a picture of the whole desktop; the caller closes the connection. Other viewers stay connected.

    Raises:
        TargetUnreachable: it did not come in time, or the server has closed the connection.
        TargetProtocolError: the desktop is too large, or the server does not keep to the protocol.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            canvas = await _take(leg)
    except TimeoutError:
        raise TargetUnreachable(f"The desktop sent no picture within {TIMEOUT:g} seconds.") from None
    return Thumbnail(await asyncio.to_thread(canvas.png), *canvas.size)


async def _take(leg: TargetLeg) -> _Canvas:
    await leg.channel.write(client_init(shared=True))
    init = ServerInit()
    _feed(init, leg.early)
    while not init.done:
        await _read(leg, init)
    check_size(*init.size)
    canvas = _Canvas(*init.size)
    picture = PictureReader(canvas, *init.size)
    _feed(picture, init.leftover())
    await leg.channel.write(PREFERENCES + request(*canvas.size, incremental=False))
    sizes = picture.sizes
    while picture.amid or picture.drawn < canvas.size[0] * canvas.size[1]:
        await _read(leg, picture)
        if picture.sizes != sizes:
            sizes = picture.sizes
            await leg.channel.write(request(*canvas.size, incremental=False))
    return canvas


async def _read(leg: TargetLeg, conversation: Conversation) -> None:
    data = await leg.channel.read()
    if data:
        _feed(conversation, data)
    else:
        conversation.receive_eof()
    if conversation.exc is not None:
        raise conversation.exc


def _feed(conversation: Conversation, data: bytes) -> None:
    for start in range(0, len(data), CHUNK):
        conversation.receive_data(data[start : start + CHUNK])
    if conversation.exc is not None:
        raise conversation.exc
