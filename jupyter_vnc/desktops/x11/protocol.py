"""The little of the X11 core protocol that our own programs speak: its values, and packets out of bytes.

Without I/O, and with the standard library only. Numbers and layouts are those of the "X Window System Protocol",
version 11, appendix B. All is little-endian: the first byte of a connection says so, and the X server swaps where it
has to. What is sent to it is in :mod:`.requests`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

#: Longest packet that is taken (bytes). The longest that we ask for is the list of a screen's windows.
MAX_PACKET: Final = 1 << 20

# First bytes of packets: an error, a reply, events.
ERROR, REPLY = 0, 1
CREATED, DESTROYED, UNMAPPED, MAPPED, REPARENTED, CONFIGURED, GENERIC = 16, 17, 18, 19, 21, 22, 35
#: Set in the first byte of an event that a program sent, and not the X server.
_SENT: Final = 0x80

# Masks of events.
STRUCTURE: Final = 1 << 17
SUBSTRUCTURE: Final = 1 << 19
#: A program that has this one on a root window is the window manager; only one program at a time can.
REDIRECT: Final = 1 << 20

# Predefined atoms.
WM_HINTS, WM_NAME, WM_NORMAL_HINTS, WM_TRANSIENT_FOR = 35, 39, 40, 68

_VIEWABLE: Final = 2
_INPUT_ONLY: Final = 2

#: XInput 2: the event of a button anywhere on the screen.
XI_RAW_BUTTON: Final = 15

_HEADER: Final = struct.Struct("<BxHI")
_SETUP: Final = struct.Struct("<BBHHH")


class ProtocolError(ValueError):
    """The X server refuses us, or sends something invalid."""


class Geometry(NamedTuple):
    """Where a window is on its screen, without its border; in pixels."""

    x: int
    y: int
    width: int
    height: int
    border: int


@dataclass(frozen=True, slots=True)
class Screen:
    """The first screen of a display; the names of what we create begin with ``base``."""

    root: int
    width: int
    height: int
    base: int = 0


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a window is: whether it shows, and whether it wants to be left alone by window managers."""

    viewable: bool
    override: bool
    input_only: bool
    #: Masks of all programs that watch it, together.
    watched: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a window (0: to none in particular). ``geometry`` and ``override`` where they are told."""

    kind: int
    sequence: int
    window: int = 0
    parent: int = 0
    override: bool = False
    geometry: Geometry | None = None


class Decoder:
    """Cuts the bytes of an X server into packets, the first of which is its greeting."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._greeted = False

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._data += data

    def packet(self) -> bytes | None:
        """Return the next packet, or None as long as it is not whole.

        Raises:
            ProtocolError: it is longer than any that we would ask for.
        """
        if len(self._data) < _SETUP.size:
            return None
        length = self._length()
        if length > MAX_PACKET:
            raise ProtocolError(f"it sent a packet of {length} bytes")
        if len(self._data) < length:
            return None
        packet = bytes(self._data[:length])
        del self._data[:length]
        self._greeted = True
        return packet

    def _length(self) -> int:
        if not self._greeted:
            return _SETUP.size + 4 * int(_SETUP.unpack_from(self._data)[4])
        kind, _, more = _HEADER.unpack_from(self._data)
        return 32 + (4 * int(more) if kind == REPLY or kind & ~_SENT == GENERIC else 0)


# -- the greeting ----------------------------------------------------------------------------------------------------


def padded(data: bytes) -> bytes:
    """Fill up to a whole number of words, as all that has a length is sent."""
    return data + bytes(-len(data) % 4)


def screen(packet: bytes) -> Screen:
    """Read the greeting of an X server.

    Raises:
        ProtocolError: it refuses us, or cannot be understood.
    """
    accepted, reason_length, *_ = _SETUP.unpack_from(packet)
    if accepted != 1:
        said = packet[_SETUP.size :][:reason_length].decode("ascii", "replace").strip()
        raise ProtocolError(said or "it refused the connection")
    try:
        base, vendor, screens, formats = struct.unpack_from("<12xI8xHxxBB", packet)
        place = 40 + len(padded(bytes(vendor))) + 8 * formats
        root, width, height = struct.unpack_from("<I16xHH", packet, place)
    except struct.error as error:
        raise ProtocolError("its greeting is too short") from error
    if not screens:
        raise ProtocolError("it has no screen")
    return Screen(root, width, height, base)


# -- replies and events -----------------------------------------------------------------------------------------------


def sequence(packet: bytes) -> int:
    """Return the lower 16 bits of the number of the request that a packet answers, or that an event comes after."""
    return int(_HEADER.unpack_from(packet)[1])


def number(reply: bytes) -> int:
    """Return an atom."""
    return int(struct.unpack_from("<8xI", reply)[0])


def opcode(reply: bytes) -> int:
    """Return the request code of an extension; 0 if the X server does not have it."""
    return reply[9] if reply[8] else 0


def first_event(reply: bytes) -> int:
    """Return the kind of the first event of an extension; 0 if the X server does not have it."""
    return reply[10] if reply[8] else 0


def area(reply: bytes) -> int:
    """Return the pixels in a region, of which no two rectangles have one in common: the reply to FetchRegion."""
    words = int(struct.unpack_from("<4xI", reply)[0])
    sizes = struct.unpack_from("<" + "4xHH" * (words // 2), reply, 32)
    return sum(width * height for width, height in zip(sizes[::2], sizes[1::2], strict=True))


def child(reply: bytes) -> int:
    """Return the child window that the pointer is in; 0 for none."""
    return int(struct.unpack_from("<12xI", reply)[0])


def attributes(reply: bytes) -> Attributes:
    """Read the reply to GetWindowAttributes."""
    kind, state, override, watched = struct.unpack_from("<12xH12xBB4xI", reply)
    return Attributes(state == _VIEWABLE, bool(override), kind == _INPUT_ONLY, watched)


def geometry(reply: bytes) -> Geometry:
    """Read the reply to GetGeometry."""
    return Geometry(*struct.unpack_from("<12xhhHHH", reply))


def children(reply: bytes) -> tuple[int, ...]:
    """Read the reply to QueryTree: from the lowest window to the highest."""
    (count,) = struct.unpack_from("<16xH", reply)
    return struct.unpack_from(f"<{count}I", reply, 32)


def words(reply: bytes) -> tuple[int, ...]:
    """Read the reply to GetProperty: signed numbers of 32 bits; none where there is no such property."""
    width, count = reply[1], struct.unpack_from("<16xI", reply)[0]
    return struct.unpack_from(f"<{count}i", reply, 32) if width == 32 else ()


def text(reply: bytes) -> bytes:
    """Read the reply to GetProperty, of a text: its bytes, in an encoding that its name or its type tells."""
    width, count = reply[1], struct.unpack_from("<16xI", reply)[0]
    return reply[32 : 32 + count] if width == 8 else b""


def point(reply: bytes) -> tuple[int, int]:
    """Read the reply to TranslateCoordinates."""
    x, y = struct.unpack_from("<12xhh", reply)
    return int(x), int(y)


def event(packet: bytes, also: int = 0) -> Event | None:
    """Read an event; None for those that we do not need, and those that other programs sent.

    Args:
        packet: the event.
        also: the kind of an extension's event that is needed, too; 0 for none.
    """
    kind = packet[0]
    if also and kind == also:
        return Event(kind, sequence(packet))
    if kind == GENERIC:
        (what,) = struct.unpack_from("<8xH", packet)
        return Event(GENERIC, sequence(packet)) if what == XI_RAW_BUTTON else None
    if kind not in {CREATED, DESTROYED, UNMAPPED, MAPPED, REPARENTED, CONFIGURED}:
        return None
    first, window, third = struct.unpack_from("<4xIII", packet)
    if kind == CONFIGURED:
        return Event(kind, sequence(packet), window, geometry=Geometry(*struct.unpack_from("<16xhhHHH", packet)))
    if kind == MAPPED:
        return Event(kind, sequence(packet), window, override=bool(packet[12]))
    return Event(kind, sequence(packet), window, parent={CREATED: first, REPARENTED: third}.get(kind, 0))
