"""The little of the X11 core protocol that our own programs speak: requests as bytes, and packets out of bytes.

Without I/O, and with the standard library only. Numbers and layouts are those of the "X Window System Protocol",
version 11, appendix B; the two requests of XInput 2 are those of ``XI2proto.h``. All is little-endian: the first byte
of a connection says so, and the X server swaps where it has to.
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
WM_HINTS, WM_NORMAL_HINTS, WM_TRANSIENT_FOR = 35, 40, 68

#: Any type of property, and how many words of one (32 bits) are asked for.
_ANY, _WORDS = 0, 32

_VIEWABLE: Final = 2
_INPUT_ONLY: Final = 2
_REVERT_TO_POINTER: Final = 1
_CLIENT_MESSAGE: Final = 33
_ABOVE: Final = 0
_Z_PIXMAP: Final = 2
_X, _Y, _WIDTH, _HEIGHT, _BORDER, _STACK = (1 << bit for bit in (0, 1, 2, 3, 4, 6))

#: XInput 2: its version, its requests, the master devices, and the event of a button anywhere on the screen.
_XI_VERSION: Final = (2, 2)
_XI_SELECT, _XI_QUERY_VERSION = 46, 47
_XI_ALL_MASTERS: Final = 1
_XI_RAW_BUTTON: Final = 15

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


# -- the beginning ----------------------------------------------------------------------------------------------------


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def setup(name: bytes, cookie: bytes) -> bytes:
    """Return the first bytes of a connection; ``name`` is that of the protocol for which ``cookie`` is good."""
    return struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) + _pad(name) + _pad(cookie)


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
        place = 40 + len(_pad(bytes(vendor))) + 8 * formats
        root, width, height = struct.unpack_from("<I16xHH", packet, place)
    except struct.error as error:
        raise ProtocolError("its greeting is too short") from error
    if not screens:
        raise ProtocolError("it has no screen")
    return Screen(root, width, height, base)


# -- requests ---------------------------------------------------------------------------------------------------------


def _request(code: int, data: int, body: bytes) -> bytes:
    body = _pad(body)
    return struct.pack("<BBH", code, data, 1 + len(body) // 4) + body


def select_events(window: int, mask: int) -> bytes:
    """ChangeWindowAttributes: receive these events of a window."""
    return _request(2, 0, struct.pack("<III", window, 1 << 11, mask))


def set_background(window: int, pixmap: int) -> bytes:
    """ChangeWindowAttributes: fill what no other window covers with a picture."""
    return _request(2, 0, struct.pack("<III", window, 1, pixmap))


def clear(window: int) -> bytes:
    """ClearArea: paint the background of all of a window."""
    return _request(61, 0, struct.pack("<IHHHH", window, 0, 0, 0, 0))


def create_pixmap(name: int, window: int, depth: int, width: int, height: int) -> bytes:
    """CreatePixmap: a picture in the X server, for the screen of a window."""
    return _request(53, depth, struct.pack("<IIHH", name, window, width, height))


def create_context(name: int, drawable: int) -> bytes:
    """CreateGC, with all defaults."""
    return _request(55, 0, struct.pack("<III", name, drawable, 0))


def put_image(drawable: int, context: int, depth: int, width: int, height: int, pixels: bytes) -> bytes:
    """PutImage: a whole picture, as ZPixmap."""
    body = struct.pack("<IIHHhhBBxx", drawable, context, width, height, 0, 0, 0, depth)
    return _request(72, _Z_PIXMAP, body + pixels)


def get_attributes(window: int) -> bytes:
    """GetWindowAttributes."""
    return _request(3, 0, struct.pack("<I", window))


def configure(window: int, wanted: Geometry) -> bytes:
    """ConfigureWindow: place, size and border."""
    x, y, *sizes = wanted
    mask = _X | _Y | _WIDTH | _HEIGHT | _BORDER
    return _request(12, 0, struct.pack("<IHxxiiIII", window, mask, x, y, *sizes))


def raise_window(window: int) -> bytes:
    """ConfigureWindow: above its siblings."""
    return _request(12, 0, struct.pack("<IHxxI", window, _STACK, _ABOVE))


def get_geometry(window: int) -> bytes:
    """GetGeometry."""
    return _request(14, 0, struct.pack("<I", window))


def query_tree(window: int) -> bytes:
    """QueryTree."""
    return _request(15, 0, struct.pack("<I", window))


def intern_atom(name: str) -> bytes:
    """InternAtom: the number of a name."""
    return _request(16, 0, struct.pack("<Hxx", len(name)) + name.encode("ascii"))


def get_property(window: int, name: int) -> bytes:
    """GetProperty, of whatever type, up to its first 32 words."""
    return _request(20, 0, struct.pack("<IIIII", window, name, _ANY, 0, _WORDS))


def message(window: int, kind: int, *values: int) -> bytes:
    """SendEvent: a client message to a window (at most five values of 32 bits)."""
    padded = [*values, 0, 0, 0, 0, 0][:5]
    event = struct.pack("<BBHII5I", _CLIENT_MESSAGE, 32, 0, window, kind, *padded)
    return _request(25, 0, struct.pack("<II", window, 0) + event)


def query_pointer(window: int) -> bytes:
    """QueryPointer: in which child of the window the pointer is."""
    return _request(38, 0, struct.pack("<I", window))


def focus(window: int) -> bytes:
    """SetInputFocus: keys go to a window; when it goes, to where the pointer is."""
    return _request(42, _REVERT_TO_POINTER, struct.pack("<II", window, 0))


def query_extension(name: str) -> bytes:
    """QueryExtension."""
    return _request(98, 0, struct.pack("<Hxx", len(name)) + name.encode("ascii"))


def query_buttons_version(extension: int) -> bytes:
    """XIQueryVersion, which has to come before other requests of XInput."""
    return _request(extension, _XI_QUERY_VERSION, struct.pack("<HH", *_XI_VERSION))


def select_buttons(extension: int, root: int) -> bytes:
    """XISelectEvents: receive each press of a button, without keeping it from other programs."""
    return _request(extension, _XI_SELECT, struct.pack("<IHxxHHI", root, 1, _XI_ALL_MASTERS, 1, 1 << _XI_RAW_BUTTON))


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


def event(packet: bytes) -> Event | None:
    """Read an event; None for those that we do not need, and those that other programs sent."""
    kind = packet[0]
    if kind == GENERIC:
        (what,) = struct.unpack_from("<8xH", packet)
        return Event(GENERIC, sequence(packet)) if what == _XI_RAW_BUTTON else None
    if kind not in {CREATED, DESTROYED, UNMAPPED, MAPPED, REPARENTED, CONFIGURED}:
        return None
    first, window, third = struct.unpack_from("<4xIII", packet)
    if kind == CONFIGURED:
        return Event(kind, sequence(packet), window, geometry=Geometry(*struct.unpack_from("<16xhhHHH", packet)))
    if kind == MAPPED:
        return Event(kind, sequence(packet), window, override=bool(packet[12]))
    return Event(kind, sequence(packet), window, parent={CREATED: first, REPARENTED: third}.get(kind, 0))
