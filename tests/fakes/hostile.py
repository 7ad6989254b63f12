"""VNC servers that announce, or do, more than a browser should believe: few bytes that stand for gigabytes or minutes.

Each is what :func:`hostile` sends to a viewer that has asked for its first picture.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from typing import Final

from tests.fakes.vnc_server import HEIGHT, NAME, PIXEL_FORMAT, SERVER_INIT, WIDTH, Fake, FakeServer, Peer, serving
from tests.fakes.vnc_server import _greet as greet

RAW, COPY_RECT, RRE, TIGHT, ZRLE, H264 = 0, 1, 2, 7, 16, 50
CURSOR, DESKTOP_SIZE, DESKTOP_NAME = -239, -223, -307
MOST = 0xFFFF
#: FramebufferUpdateRequest (RFC 6143 section 7.5.3): a viewer is ready.
REQUEST = b"\x03\0"


def rectangle(width: int, height: int, encoding: int, data: bytes = b"") -> bytes:
    """One rectangle in the corner (RFC 6143 section 7.6.1)."""
    return struct.pack(">HHHHi", 0, 0, width, height, encoding) + data


def update(*rectangles: bytes) -> bytes:
    """A FramebufferUpdate."""
    return struct.pack(">BxH", 0, len(rectangles)) + b"".join(rectangles)


#: One pixel that is drawn.
PIXEL: Final = rectangle(1, 1, RAW, b"\1\2\3\4")


def _sizes(count: int) -> bytes:
    """Screens, each a little different, and something drawn on each."""
    return b"".join(update(rectangle(1000 + i % 100, 800, DESKTOP_SIZE), PIXEL) for i in range(count))


def _zrle_bomb() -> bytes:
    packed = zlib.compress(b"\x80\1\2\3" + b"\xff" * 2**24)
    return update(rectangle(WIDTH, HEIGHT, ZRLE, struct.pack(">I", len(packed)) + packed))


def _tight_bomb() -> bytes:
    """One rectangle of a whole large screen, which its decoder would inflate at once."""
    packed = zlib.compress(bytes(3 * 7680 * 4320), 9)
    length = bytes([packed_length & 0x7F | 0x80 for packed_length in (len(packed), len(packed) >> 7)])
    head = b"\0" + length + bytes([len(packed) >> 14])
    return _large(7680, 4320) + update(rectangle(7680, 4320, TIGHT, head + packed))


def _layers() -> bytes:
    subrectangle = b"\1\2\3\0" + struct.pack(">HHHH", 0, 0, MOST, MOST)
    return update(rectangle(WIDTH, HEIGHT, RRE, struct.pack(">I", 0xFFFFFFFF) + b"\0\0\0\0" + subrectangle * 100_000))


def _fills() -> bytes:
    fill = rectangle(2000, 1500, TIGHT, b"\x80\1\2\3")
    return update(rectangle(2000, 1500, DESKTOP_SIZE)) + update(*[fill] * 50_000)


def _large(width: int, height: int, times: int = 1) -> bytes:
    """A large screen that is painted all over, for a few bytes; and again, turned and a little smaller each time."""
    sides = [(width, height) if i % 2 == 0 else (height - i, width - i) for i in range(times)]
    return b"".join(
        update(rectangle(*size, DESKTOP_SIZE), rectangle(*size, TIGHT, b"\x80\1\2\3"), PIXEL) for size in sides
    )


#: What is sent, by name.
ANNOUNCEMENTS: Final = {
    "calm": update(PIXEL),
    "size": update(rectangle(MOST, MOST, DESKTOP_SIZE), PIXEL),
    "size-16k": update(rectangle(16384, 16384, DESKTOP_SIZE), PIXEL),
    "size-x2500": update(rectangle(MOST, MOST, DESKTOP_SIZE)) * 2500,
    "sizes": _sizes(1000),
    "sizes-8k": _large(7680, 4320, 6),
    "copies-8k": _large(7680, 4320) + update(rectangle(7679, 4320, COPY_RECT, b"\0\1\0\0"), PIXEL) * 20,
    "tight-bomb": _tight_bomb(),
    "video": update(rectangle(WIDTH, HEIGHT, H264, struct.pack(">II", 4, 0) + bytes(4))),
    "names": update(rectangle(0, 0, DESKTOP_NAME, struct.pack(">I", 2**16) + b"n" * 2**16)) * 300,
    "size-0": update(rectangle(0, 0, DESKTOP_SIZE)) + update(rectangle(WIDTH, HEIGHT, DESKTOP_SIZE), PIXEL),
    "message": update(rectangle(WIDTH, HEIGHT, ZRLE, struct.pack(">I", 2**31))) + bytes(42 * 2**20),
    "cut-text": struct.pack(">BxxxI", 3, 41 * 2**20) + b"a" * (41 * 2**20),
    "cut-text-4g": struct.pack(">BxxxI", 3, 2**31 - 1),
    "cut-texts": b"".join(struct.pack(">BxxxI", 3, 1) + bytes([65 + i % 26]) for i in range(50_000)),
    "pointer": update(rectangle(MOST, MOST, CURSOR)),
    "name": update(rectangle(0, 0, DESKTOP_NAME, struct.pack(">I", 0xFFFFFFFF))),
    "bells": b"\2" * 200_000,
    "fences": (struct.pack(">BxxxI", 248, 1 << 31) + b"\0") * 100_000,
    "power": b"\xfa\0\1\1" * 200_000,
    "empty-rectangles": update(*[rectangle(0, 0, RAW)] * MOST) * 4,
    "layers": _layers(),
    "zrle-bomb": _zrle_bomb(),
    "fills": _fills(),
    "broken-picture": update(rectangle(8, 8, TIGHT, b"\x90\x04\1\2\3\4")),
}
#: ServerInit where that is the announcement.
INITS: Final = {
    "init-size": struct.pack(">HH", MOST, MOST) + PIXEL_FORMAT + struct.pack(">I", len(NAME)) + NAME,
    "init-empty": bytes(4) + PIXEL_FORMAT + struct.pack(">I", len(NAME)) + NAME,
    "init-name": SERVER_INIT[:20] + struct.pack(">I", 0xFFFFFFFF),
}


def hostile(name: str, path: str | os.PathLike[str] | None = None) -> Fake:
    """Log everybody in and, at their first request for a picture, send one of :data:`ANNOUNCEMENTS`."""

    async def script(peer: Peer) -> None:
        await greet(peer, 1)
        await peer.send(struct.pack(">I", 0))
        peer.server.shared += await peer.read(1)
        await peer.send(INITS.get(name, SERVER_INIT))
        told = b""
        while REQUEST not in told and (data := await peer.reader.read(65536)):
            told += data
        await asyncio.gather(peer.send(ANNOUNCEMENTS.get(name, b"")), peer.listen())

    return serving(script, path)


@contextlib.contextmanager
def in_thread(*names: str) -> Iterator[dict[str, FakeServer]]:
    """Run these servers beside a test that is not async."""
    ready, over = threading.Event(), asyncio.Event()
    servers: dict[str, FakeServer] = {}
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for name in names:
                servers[name] = await stack.enter_async_context(hostile(name))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert ready.wait(60)
        yield servers
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
