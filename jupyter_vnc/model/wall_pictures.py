"""Small pictures of desktops, for the wall of a course: what a student's viewer may send, and nothing else.

A picture is a WebP file in the simple lossy format (RFC 9649 section 2.5): a header and one key frame (RFC 6386 section
9.1). There is room for nothing else in it, neither an animation nor a profile nor where it was taken. Nobody here
decodes it; the browser of whoever looks does.
"""

from __future__ import annotations

import base64
import itertools
import struct
from dataclasses import dataclass, field
from typing import Final

#: The longest side of a picture (pixels).
LONGEST_SIDE: Final = 320
#: The longest picture (bytes), and as text (characters).
LONGEST: Final = 24 * 1024
LONGEST_TEXT: Final = (LONGEST + 2) // 3 * 4

#: RIFF, bytes that follow, WEBP, kind and length of the chunk; frame tag, start code, width and height of the frame.
_HEADER: Final = struct.Struct("<4sI4s4sI3s3sHH")
_START_CODE: Final = b"\x9d\x01\x2a"
#: The upper two bits of a side say how a player scales it.
_SIDE: Final = 0x3FFF

#: Stamps of pictures, in their order; each process has its own.
_STAMPS: Final = itertools.count(1)


@dataclass(frozen=True, slots=True)
class WallPicture:
    """A picture, as base64. Each has a stamp of its own, which is higher than that of each earlier one."""

    data: str = field(repr=False)
    stamp: int = field(default_factory=lambda: next(_STAMPS))


def read_picture(text: object) -> WallPicture:
    """Return the picture that somebody sent as base64.

    Raises:
        ValueError: it is none, or too large.
    """
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise ValueError("no text, or too long")
    data = base64.b64decode(text, validate=True)
    if len(data) < _HEADER.size:
        raise ValueError("too short")
    riff, size, webp, kind, length, tag, start, width, height = _HEADER.unpack_from(data)
    whole = (riff, webp, kind, size) == (b"RIFF", b"WEBP", b"VP8 ", len(data) - 8)
    if not whole or length + length % 2 != len(data) - 20:
        raise ValueError("not one lossy WebP picture")
    if tag[0] & 1 or start != _START_CODE:
        raise ValueError("not a key frame")
    if not all(0 < side & _SIDE <= LONGEST_SIDE for side in (width, height)):
        raise ValueError("too large, or empty")
    return WallPicture(text)
