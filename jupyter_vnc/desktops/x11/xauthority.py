"""X authority files: the cookie that a program must show to open a display. No ``xauth`` is needed to write one.

The format is libXau's: records of a family (2 bytes) and four counted strings, all big-endian: address, display
number, name of the protocol, and data. The family "wild" with empty address and number fits every display.
"""

from __future__ import annotations

import os
import secrets
import struct
from pathlib import Path
from typing import Final

FAMILY_WILD: Final = 0xFFFF
PROTOCOL: Final = b"MIT-MAGIC-COOKIE-1"
COOKIE_BYTES: Final = 16


def encode(cookie: bytes) -> bytes:
    """Return the record of a cookie that is good for any display."""
    strings = (b"", b"", PROTOCOL, cookie)
    return struct.pack(">H", FAMILY_WILD) + b"".join(struct.pack(">H", len(text)) + text for text in strings)


def write(path: Path) -> None:
    """Write a new random cookie to a file that only we can read.

    Raises:
        OSError: the file exists or cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encode(secrets.token_bytes(COOKIE_BYTES)))


def read(path: Path) -> bytes:
    """Read the cookie of a file that :func:`write` has written.

    Raises:
        OSError: it cannot be read.
    """
    return path.read_bytes()[-COOKIE_BYTES:]
