"""What is sent to an X server, as bytes: the beginning of a connection, and requests.

Without I/O, and with the standard library only. Numbers and layouts are those of the "X Window System Protocol",
version 11, appendix B; the two requests of XInput 2 are those of ``XI2proto.h``, those of XFIXES and DAMAGE those of
``xfixesproto.h`` and ``damageproto.h``.
"""

from __future__ import annotations

import struct
from typing import Final

from .protocol import XI_RAW_BUTTON, Geometry, padded

#: Any type of property, and how many words of one (32 bits) are asked for.
_ANY, _WORDS = 0, 32

_REVERT_TO_POINTER: Final = 1
_CLIENT_MESSAGE: Final = 33
_ABOVE: Final = 0
_Z_PIXMAP: Final = 2
_SUBSTRUCTURE_NOTIFY, _SUBSTRUCTURE_REDIRECT = 1 << 19, 1 << 20
_X, _Y, _WIDTH, _HEIGHT, _BORDER, _STACK = (1 << bit for bit in (0, 1, 2, 3, 4, 6))

#: XInput 2: its version, its requests, and the master devices.
_XI_VERSION: Final = (2, 2)
_XI_SELECT, _XI_QUERY_VERSION = 46, 47
_XI_ALL_MASTERS: Final = 1

#: XFIXES and DAMAGE: versions, requests, and the level at which one event says that there is damage since it was taken.
_FIXES_VERSION, _DAMAGE_VERSION = (5, 0), (1, 1)
_FIXES_CREATE_REGION, _FIXES_FETCH_REGION = 5, 19
_DAMAGE_CREATE, _DAMAGE_SUBTRACT = 1, 3
_DAMAGE_NON_EMPTY: Final = 3


def setup(name: bytes, cookie: bytes) -> bytes:
    """Return the first bytes of a connection; ``name`` is that of the protocol for which ``cookie`` is good."""
    return struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) + padded(name) + padded(cookie)


def _request(code: int, data: int, body: bytes) -> bytes:
    body = padded(body)
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


def get_property(window: int, name: int, words: int = _WORDS) -> bytes:
    """GetProperty, of whatever type, up to its first words (of 32 bits)."""
    return _request(20, 0, struct.pack("<IIIII", window, name, _ANY, 0, words))


def message(window: int, kind: int, *values: int) -> bytes:
    """SendEvent: a client message to a window (at most five values of 32 bits)."""
    padded = [*values, 0, 0, 0, 0, 0][:5]
    event = struct.pack("<BBHII5I", _CLIENT_MESSAGE, 32, 0, window, kind, *padded)
    return _request(25, 0, struct.pack("<II", window, 0) + event)


def ask_manager(root: int, window: int, kind: int, *values: int) -> bytes:
    """SendEvent: ask the window manager for something that concerns a window (at most five values of 32 bits)."""
    event = struct.pack("<BBHII5I", _CLIENT_MESSAGE, 32, 0, window, kind, *[*values, 0, 0, 0, 0, 0][:5])
    return _request(25, 0, struct.pack("<II", root, _SUBSTRUCTURE_REDIRECT | _SUBSTRUCTURE_NOTIFY) + event)


def query_pointer(window: int) -> bytes:
    """QueryPointer: in which child of the window the pointer is."""
    return _request(38, 0, struct.pack("<I", window))


def translate(window: int, root: int) -> bytes:
    """TranslateCoordinates: where the upper left corner of a window is on the screen."""
    return _request(40, 0, struct.pack("<IIhh", window, root, 0, 0))


def get_focus() -> bytes:
    """GetInputFocus: which window has the keys."""
    return _request(43, 0, b"")


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
    return _request(extension, _XI_SELECT, struct.pack("<IHxxHHI", root, 1, _XI_ALL_MASTERS, 1, 1 << XI_RAW_BUTTON))


def query_fixes_version(extension: int) -> bytes:
    """QueryVersion of XFIXES, which has to come before its other requests."""
    return _request(extension, 0, struct.pack("<II", *_FIXES_VERSION))


def create_region(extension: int, name: int) -> bytes:
    """CreateRegion: an empty one."""
    return _request(extension, _FIXES_CREATE_REGION, struct.pack("<I", name))


def fetch_region(extension: int, name: int) -> bytes:
    """FetchRegion: its rectangles."""
    return _request(extension, _FIXES_FETCH_REGION, struct.pack("<I", name))


def query_damage_version(extension: int) -> bytes:
    """QueryVersion of DAMAGE, which has to come before its other requests."""
    return _request(extension, 0, struct.pack("<II", *_DAMAGE_VERSION))


def create_damage(extension: int, name: int, drawable: int) -> bytes:
    """DamageCreate: one event as soon as something changes in a window, and the next one after it was taken."""
    return _request(extension, _DAMAGE_CREATE, struct.pack("<IIBxxx", name, drawable, _DAMAGE_NON_EMPTY))


def subtract_damage(extension: int, name: int, region: int) -> bytes:
    """DamageSubtract: take all damage, and put it into a region."""
    return _request(extension, _DAMAGE_SUBTRACT, struct.pack("<III", name, 0, region))
