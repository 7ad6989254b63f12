"""WebP pictures for tests, as a viewer sends them: a header, and what need not be a frame that anybody could decode."""

import base64
import struct


def webp(width=320, height=200, *, body=bytes(10), tag=b"\x10\0\0", start=b"\x9d\x01\x2a", kind=b"VP8 ", **more):
    """Return a picture in the simple lossy format (RFC 9649 section 2.5); ``size`` and ``length`` are what it says."""
    frame = tag + start + struct.pack("<HH", width, height) + body
    length = more.get("length", len(frame))
    chunk = kind + struct.pack("<I", length) + frame + bytes(len(frame) % 2)
    return b"RIFF" + struct.pack("<I", more.get("size", 4 + len(chunk))) + b"WEBP" + chunk + more.get("behind", b"")


def text(picture):
    """Return a picture as text."""
    return base64.b64encode(picture).decode()


#: A picture as text.
PICTURE = text(webp())
