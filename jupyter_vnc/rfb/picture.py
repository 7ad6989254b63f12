"""What a server sends to a viewer that wants nothing but plain pixels (RFC 6143 section 7.6), read in bounded memory.

Browsers decode by themselves. This is for a viewer in Python, which asks for Raw and DesktopSize only: no other
encoding can come, so every message tells its own length.
"""

from __future__ import annotations

from struct import Struct, pack
from typing import Final, Protocol

from jupyter_vnc.exceptions import TargetProtocolError, TargetUnreachable, VNCError

from .stream import Conversation, Steps, Stream
from .wire import MAX_PIXELS, MAX_SIDE, S32, U16, ClientMessage, Encoding

#: Bytes of a pixel: the viewer asks for 32 bits each.
BYTES_PER_PIXEL: Final = 4
#: Bytes of pixels that are kept until they are drawn: as many whole rows as fit in, or one row.
STRIP: Final = 128 * 1024
#: Bytes that may be fed at once; together with a strip they stay below what may wait unread.
CHUNK: Final = 64 * 1024
#: Pixels of new screens that may begin before as many have been drawn: each costs memory and time, and twelve bytes.
MAX_BEGUN: Final = 4 * MAX_PIXELS

#: SetPixelFormat and SetEncodings (sections 7.5.1 and 7.5.2): 32 bits a pixel, little-endian, blue first, which Pillow
#: calls ``BGRX``; and only what :class:`PictureReader` reads.
PREFERENCES: Final = pack(
    ">BxxxBBBBHHHBBBxxx", ClientMessage.SET_PIXEL_FORMAT, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0
) + pack(">BxHii", ClientMessage.SET_ENCODINGS, 2, Encoding.RAW, Encoding.DESKTOP_SIZE)

_RECTANGLE: Final = Struct(">HHHHi")
_COLOUR: Final = 6


class Canvas(Protocol):
    """What is drawn on."""

    def resize(self, width: int, height: int) -> None:
        """Start again with another size."""

    def draw(self, x: int, y: int, width: int, height: int, pixels: bytes) -> None:
        """Put a rectangle of pixels in its place."""


def check_size(width: int, height: int) -> None:
    """Refuse a desktop that would not fit into memory.

    Raises:
        TargetProtocolError: a side is over :data:`.MAX_SIDE`, or the whole over :data:`.MAX_PIXELS`.
    """
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise TargetProtocolError(
            f"The desktop says that it has {width} x {height} pixels; "
            f"at most {MAX_SIDE} on a side and {MAX_PIXELS >> 20} Mi in all can be read here."
        )


def request(width: int, height: int, *, incremental: bool) -> bytes:
    """Return FramebufferUpdateRequest (section 7.5.3) for the whole desktop."""
    return pack(">BBHHHH", ClientMessage.FRAMEBUFFER_UPDATE_REQUEST, incremental, 0, 0, width, height)


class PictureReader(Conversation):
    """Reads server messages for as long as they come and draws what is in them; it sends nothing.

    Feed it :data:`CHUNK` bytes at most at a time.

    Args:
        canvas: where to draw.
        width: of the desktop, as its ServerInit says.
        height: likewise.

    Attributes:
        drawn: pixels that were drawn since the desktop had its present size.
        sizes: how many times it has had another size.
        updates: how many updates have come to their end.
        amid: an update has begun and not ended.

    Errors in :attr:`exc`: :class:`.TargetProtocolError` (a size out of bounds, sizes without pictures, a rectangle
    outside the desktop, a message or an encoding that nobody asked for), :class:`.TargetUnreachable` (closed).
    """

    fault = TargetProtocolError

    def __init__(self, canvas: Canvas, width: int, height: int) -> None:
        self.drawn = self.sizes = self.updates = 0
        self.amid = False
        self._begun = 0
        self._canvas = canvas
        self._width, self._height = width, height
        super().__init__(Stream())

    def _run(self) -> Steps[None]:
        readers = (self._read_update, self._skip_colours, self._ring, self._skip_text)
        while True:
            (kind,) = yield from self._stream.read_exact(1)
            if kind >= len(readers):
                raise TargetProtocolError(f"The desktop sent a message that was not asked for: {kind}.")
            yield from readers[kind]()

    def _read_update(self) -> Steps[None]:
        """FramebufferUpdate (section 7.6.1)."""
        self.amid = True
        (count,) = U16.unpack_from((yield from self._stream.read_exact(3)), 1)
        for _ in range(count):
            yield from self._read_rectangle()
        self.amid = False
        self.updates += 1

    def _read_rectangle(self) -> Steps[None]:
        x, y, width, height, encoding = _RECTANGLE.unpack((yield from self._stream.read_exact(_RECTANGLE.size)))
        if encoding == Encoding.DESKTOP_SIZE:
            self._resize(width, height)
        elif encoding != Encoding.RAW:
            raise TargetProtocolError(f"The desktop sent a picture that was not asked for: {encoding}.")
        elif width and height:
            yield from self._read_pixels(x, y, width, height)

    def _resize(self, width: int, height: int) -> None:
        check_size(width, height)
        self._begun += width * height
        if self._begun > MAX_BEGUN:
            raise TargetProtocolError("The desktop changes its size again and again and shows nothing.")
        self._width, self._height = width, height
        self.drawn = 0
        self.sizes += 1
        self._canvas.resize(width, height)

    def _read_pixels(self, x: int, y: int, width: int, height: int) -> Steps[None]:
        """Read a rectangle in strips of whole rows, so that no more than a strip of it waits."""
        if x + width > self._width or y + height > self._height:
            raise TargetProtocolError("The desktop sent a picture that is larger than itself.")
        row = BYTES_PER_PIXEL * width
        most = max(1, STRIP // row)
        for top in range(0, height, most):
            rows = min(most, height - top)
            self._canvas.draw(x, y + top, width, rows, (yield from self._stream.read_exact(row * rows)))
            self.drawn += width * rows
            self._begun = max(0, self._begun - width * rows)

    def _skip_colours(self) -> Steps[None]:
        """SetColourMapEntries (section 7.6.2): pixels have their colours in them."""
        (count,) = U16.unpack_from((yield from self._stream.read_exact(5)), 3)
        yield from self._stream.skip(_COLOUR * count)

    def _ring(self) -> Steps[None]:
        """Bell (section 7.6.3)."""
        yield from ()

    def _skip_text(self) -> Steps[None]:
        """ServerCutText (section 7.6.4); a negative length is rfbproto's extended clipboard, of as many bytes."""
        (length,) = S32.unpack_from((yield from self._stream.read_exact(7)), 3)
        yield from self._stream.skip(abs(length))

    def _closed_early(self) -> VNCError:
        return TargetUnreachable("The desktop has ended the connection.")
