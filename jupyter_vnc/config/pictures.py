"""Pictures from files: read whole, bounded, and checked for what a browser can show as an image.

An SVG is a document that may contain scripts. It is not searched for them: what serves it forbids them, and pages show
it as an image, in which browsers run none (SVG 2, section 2.2.3, secure static mode).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from xml.parsers import expat

from jupyter_vnc.model.pictures import Picture
from jupyter_vnc.system.files import read_regular_file

#: Bytes of a file; an icon has a few thousand.
MAX_BYTES: Final = 64 * 1024
#: Pixels on each side of a PNG. It has to be decoded whole, however little of it a page shows.
MAX_PIXELS: Final = 1024

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SVG: Final = "http://www.w3.org/2000/svg svg"


def read_picture(path: str) -> Picture:
    """Read an SVG or PNG file.

    Raises:
        ValueError: it cannot be read, or is no picture that a browser shows; says why.
    """
    try:
        return _picture(read_regular_file(path, MAX_BYTES))
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ValueError(why if why.startswith(("is ", "has ")) else f"cannot be read: {why}") from None


@lru_cache(maxsize=256)  # many targets have the same one
def _picture(data: bytes) -> Picture:
    if data.startswith(_PNG):
        _check_png(data)
        return Picture("image/png", data)
    _check_svg(data)
    return Picture("image/svg+xml", data)


def _check_png(data: bytes) -> None:
    """Check the chunks of a PNG (PNG, third edition, section 5) and its size, without decoding it."""
    chunks = list(_chunks(data))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"] or b"IDAT" not in kinds or len(chunks[0][1]) != 13:
        raise ValueError("is a PNG that is broken or cut off")
    width, height = struct.unpack(">II", chunks[0][1][:8])
    if not (0 < width <= MAX_PIXELS and 0 < height <= MAX_PIXELS):
        raise ValueError(f"has {width}x{height} pixels; {MAX_PIXELS}x{MAX_PIXELS} are permitted")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kinds and contents of a PNG's chunks, up to the first that is not whole."""
    place = len(_PNG)
    while place + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        body, rest = data[place + 4 : place + 8 + size], data[place + 8 + size : place + 12 + size]
        if len(rest) < 4 or zlib.crc32(body) != int.from_bytes(rest, "big"):
            return
        yield body[:4], body[4:]
        place += 12 + size


def _check_svg(data: bytes) -> None:
    """Check that it is XML whose root is an SVG; nothing outside the file is read, and no entity is expanded."""
    roots: list[str] = []
    depth = 0

    def enter(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        if depth == 0:
            roots.append(name)
        depth += 1

    def leave(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = enter, leave
    parser.EntityDeclHandler = _refuse_entities
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError):
        raise ValueError("is neither a PNG nor an SVG") from None
    if roots != [_SVG]:
        raise ValueError("is XML, but not an SVG (its root is not <svg xmlns='http://www.w3.org/2000/svg'>)")


def _refuse_entities(*_: object) -> None:
    raise ValueError("is an SVG that declares entities: save it as a plain SVG")
