"""Messages of a stream: a byte of kind and a payload, between streamer and server, and between server and viewer.

Between server and viewer each is one binary message of a websocket. On the streamer's socket, four bytes precede it:
its length (unsigned, most significant first).

=====  ==============  ===========  =================================================================================
Kind   Name            Sent by      Payload
=====  ==============  ===========  =================================================================================
2      sound           server       When it sounds (samples at 48 kHz, unsigned, four bytes, wraps), an Opus packet
                                    of 20 ms, two channels (RFC 6716)
3      state           server       A byte: 1 if there is sound, 0 if there is none for now
18     switch sound    viewer       A byte: 1 for on, 0 for off
=====  ==============  ===========  =================================================================================
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Final

#: The longest message (bytes): an Opus packet of one frame has at most 1275 (RFC 6716, section 3.2.1).
LONGEST: Final = 2048
#: Of a message of a viewer.
LONGEST_FROM_VIEWER: Final = 16

#: And of the one message that a viewer has.
SWITCH_SIZE: Final = 2

_LENGTH: Final = 4
_TIME: Final = 4


class Kind(IntEnum):
    """What a message is."""

    SOUND = 2
    STATE = 3
    SWITCH_SOUND = 18


def sound(samples: int, packet: bytes) -> bytes:
    """Return the message of a packet that sounds at a time, in samples."""
    return bytes((Kind.SOUND,)) + (samples % (1 << 8 * _TIME)).to_bytes(_TIME, "big") + packet


def state(*, heard: bool) -> bytes:
    """Return the message that says whether there is sound."""
    return bytes((Kind.STATE, heard))


def switched(message: bytes) -> bool | None:
    """Return to what a viewer's message switches sound; None if it says something else."""
    known = {bytes((Kind.SWITCH_SOUND, value)): bool(value) for value in (0, 1)}
    return known.get(message)


def framed(message: bytes) -> bytes:
    """Return a message as it goes over the streamer's socket."""
    return len(message).to_bytes(_LENGTH, "big") + message


async def read(reader: asyncio.StreamReader) -> bytes:
    """Return the next message of a streamer; empty once it is gone, or if what it sends is none."""
    try:
        size = int.from_bytes(await reader.readexactly(_LENGTH), "big")
        return await reader.readexactly(size) if 0 < size <= LONGEST else b""
    except (asyncio.IncompleteReadError, OSError):
        return b""
