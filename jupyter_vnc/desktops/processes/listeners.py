"""What a process listens on, read from ``/proc``: the proof that a desktop cannot be reached from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jupyter_vnc.system import files

#: Bytes of one table of the kernel: half a million sockets.
MAX_TABLE: Final = 64 * 1024 * 1024
_LISTEN: Final = "0A"
#: The flags of a Unix socket that listens, the only ones that the kernel shows. They are compared as text: a name is
#: whatever its owner likes, and one with a line's end in it has a second line, which is none of the table's.
_ACCEPTS: Final = "00010000"
_TCP_TABLES: Final = ("tcp", "tcp6")


def open_doors(pid: int) -> list[str]:
    """List the TCP ports and abstract sockets on which a process listens, for the log; empty when there is none.

    Raises:
        OSError: the process is gone or cannot be looked into.
    """
    mine = {link[8:-1] for link in _links(pid) if link.startswith("socket:[")}
    return [name for inode, name in _listening(pid) if inode in mine]


def _links(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield os.readlink(entry)  # noqa: PTH115 - "socket:[…]" is not a path
        except FileNotFoundError:
            continue


def _listening(pid: int) -> Iterator[tuple[str, str]]:
    for table in _TCP_TABLES:
        for row in rows(Path(f"/proc/{pid}/net/{table}")):
            if row[3] == _LISTEN:
                yield row[9], f"{table} port {int(row[1].rpartition(':')[2], 16)}"
    for row in rows(Path(f"/proc/{pid}/net/unix")):
        if len(row) > 7 and row[7].startswith("@") and row[3] == _ACCEPTS:
            yield row[6], f"abstract socket {row[7]}"


def rows(table: Path) -> Iterator[list[str]]:
    """Yield the rows of a table of the kernel, without its heading; a machine without IPv6 has no ``tcp6``."""
    try:
        lines = files.read_text(table, MAX_TABLE, errors="replace").splitlines()
    except FileNotFoundError:
        return
    yield from (line.split() for line in lines[1:])
