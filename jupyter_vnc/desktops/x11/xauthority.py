"""X authority files: the cookie that a program must show to open a display. No ``xauth`` is needed to write one.

The format is libXau's: records of a family (2 bytes) and four counted strings, all big-endian: address, display
number, name of the protocol, and data. The family "wild" with an empty address fits every host. We write the number:
with another ``DISPLAY``, where another account may listen, programs have no cookie to show.
"""

from __future__ import annotations

import os
import secrets
import stat
import struct
from pathlib import Path
from typing import Final

from jupyter_vnc.system import files

FAMILY_WILD: Final = 0xFFFF
PROTOCOL: Final = b"MIT-MAGIC-COOKIE-1"
COOKIE_BYTES: Final = 16
#: What we write has 50 bytes; nothing that is much larger is ours.
MAX_FILE: Final = 4096


def encode(cookie: bytes, display: int | None = None) -> bytes:
    """Return the record of a cookie that is good for one display, or for any."""
    strings = (b"", b"" if display is None else str(display).encode(), PROTOCOL, cookie)
    return struct.pack(">H", FAMILY_WILD) + b"".join(struct.pack(">H", len(text)) + text for text in strings)


def write(path: Path, display: int | None = None) -> None:
    """Write a new random cookie for a display, or for any, to a file that only we can read.

    Raises:
        OSError: the file exists or cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encode(secrets.token_bytes(COOKIE_BYTES), display))


def publish(held: Path, path: Path) -> None:
    """Let programs have the cookie of a display, now that a process of ours listens there.

    Raises:
        OSError: there is no cookie.
    """
    held.rename(path)


def read(path: Path) -> bytes:
    """Read the cookie of a file that :func:`write` has written.

    Raises:
        OSError: it cannot be read, belongs to another account, or can be read or changed by others.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise files.NoRegularFileError(path, found.st_mode)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError(f"{path} is not ours alone")
        return files.read_from(file, MAX_FILE)[-COOKIE_BYTES:]
