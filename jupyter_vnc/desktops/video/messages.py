"""Messages of video: a byte of kind and a payload, between streamer and server, and between server and viewer.

Between server and viewer each is one binary message of a websocket. On the streamer's socket, four bytes precede what
the streamer sends: its length (unsigned, most significant first).

=====  ==============  ================  ==============================================================================
Kind   Name            Sent by           Payload
=====  ==============  ================  ==============================================================================
1      picture         streamer, server  A byte: 1 for a key frame; width and height (pixels, unsigned, two bytes each,
                                         most significant first); H.264 with start codes (Annex B of ITU-T H.264)
4      way             server            A byte: 1, RFB brings one pixel only from now on, because the pictures do; 0,
                                         RFB brings everything again
5      motion          streamer          A byte: 1, it begins to move, pictures follow; 0, it rests, and none do
16     key wanted      viewer, server    Nothing
17     seen            viewer            Nothing: a picture has been decoded
19     mode            viewer, server    A byte: 0, pictures while much moves; 1, while anything does
=====  ==============  ================  ==============================================================================
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

#: The longest message of a streamer (bytes): a key frame of a large screen full of noise has about half of that.
LONGEST: Final = 16 << 20

_LENGTH: Final = 4
_HEAD: Final = struct.Struct(">BBHH")

#: Types of the units of H.264 with which a picture begins that can be decoded without one before it: parameters, and
#: the slice of one (ITU-T H.264, table 7-1). What else may come before is no picture.
_KEY, _SLICE = frozenset({5, 7}), 1
_START: Final = b"\0\0\1"


class Kind(IntEnum):
    """What a message is."""

    PICTURE = 1
    WAY = 4
    MOTION = 5
    KEY = 16
    SEEN = 17
    MODE = 19


class Mode(IntEnum):
    """When a viewer wants pictures."""

    AUTO = 0
    ALWAYS = 1


KEY_WANTED: Final = bytes((Kind.KEY,))
SEEN: Final = bytes((Kind.SEEN,))

#: The lengths of what a viewer may send.
_SIZES: Final = {Kind.KEY: 1, Kind.SEEN: 1, Kind.MODE: 2}


def picture(data: bytes, width: int, height: int) -> bytes:
    """Return the message of a picture of this size (pixels)."""
    return _HEAD.pack(Kind.PICTURE, is_key(data), width, height) + data


def way(*, video: bool) -> bytes:
    """Return the message that says which way the picture comes."""
    return bytes((Kind.WAY, video))


def motion(*, moves: bool) -> bytes:
    """Return the message that says whether pictures follow."""
    return bytes((Kind.MOTION, moves))


def mode(wanted: Mode) -> bytes:
    """Return the message that says when pictures are wanted."""
    return bytes((Kind.MODE, wanted))


def begins(message: bytes) -> bool:
    """Whether a message is of a picture that can be decoded without the one before it."""
    return message[0] == Kind.PICTURE and message[1] == 1


def size(message: bytes) -> bytes:
    """Return width and height of a picture, as they are in its message."""
    return message[2 : _HEAD.size]


def is_key(data: bytes) -> bool:
    """Whether a picture can be decoded without the one before it."""
    at = data.find(_START)
    while 0 <= at < len(data) - len(_START):
        unit = data[at + len(_START)] & 0x1F
        if unit in _KEY or unit == _SLICE:
            return unit in _KEY
        at = data.find(_START, at + len(_START))
    return False


def framed(message: bytes) -> bytes:
    """Return a message as it goes over the streamer's socket."""
    return len(message).to_bytes(_LENGTH, "big") + message


async def read(reader: asyncio.StreamReader) -> bytes:
    """Return the next message of a streamer; empty once it is gone, or if what it sends is none."""
    try:
        size = int.from_bytes(await reader.readexactly(_LENGTH), "big")
        return await reader.readexactly(size) if 1 < size <= LONGEST else b""
    except (asyncio.IncompleteReadError, OSError):
        return b""


class Commands:
    """Cuts what a viewer sends into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that these bytes complete.

        Raises:
            ValueError: there is something that is none.
        """
        self._rest += data
        while self._rest:
            size = _SIZES.get(Kind(self._rest[0]), 0)
            if not size:
                raise ValueError("a viewer does not send that")
            if len(self._rest) < size:
                return
            message, self._rest = self._rest[:size], self._rest[size:]
            if message[0] == Kind.MODE:
                Mode(message[1])
            yield message
