"""What a process listens on, read from the kernel: the proof that a desktop cannot be reached from elsewhere."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jupyter_vnc.system import files

#: Bytes of one table of the kernel: half a million sockets.
MAX_TABLE: Final = 64 * 1024 * 1024
_LISTEN: Final = "0A"
#: The flags of a Unix socket that listens, the only ones that the kernel shows. They are compared as text: a name is
#: whatever its owner likes, and one with a line's end in it has a second line, which is none of the table's. As it may
#: look like one, the kernel is asked about each socket that is found.
_ACCEPTS: Final = "00010000"
_TCP_TABLES: Final = ("tcp", "tcp6")

#: ``sock_diag(7)``: the protocol, the message of a family's sockets, a request, and the name as a part of the answer.
_SOCK_DIAG, _BY_FAMILY, _REQUEST, _SHOW_NAME = 4, 20, 1, 1
_MESSAGE: Final = struct.Struct("=IHHII")
#: ``unix_diag_req``: family, protocol, states, number, what to show, and a cookie that is any.
_QUESTION: Final = struct.Struct("=BBxxIIIQ")
#: ``unix_diag_msg``: family, type, state, number, cookie. Attributes follow, each with its length and its kind.
_ANSWER: Final = struct.Struct("=BBBxIQ")
_ATTRIBUTE: Final = struct.Struct("=HH")
_ANY_STATE, _ANY_COOKIE, _LISTENS, _NAME = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 10, 0


def open_doors(pid: int) -> list[str]:
    """List the TCP ports and abstract sockets on which a process listens, for the log; empty when there is none.

    Raises:
        OSError: the process is gone or cannot be looked into.
    """
    mine = {link[8:-1] for link in _links(pid) if link.startswith("socket:[")}
    return [*_ports(pid, mine), *_abstract(pid, mine)]


def _links(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield os.readlink(entry)  # noqa: PTH115 - "socket:[…]" is not a path
        except FileNotFoundError:
            continue


def _ports(pid: int, mine: set[str]) -> Iterator[str]:
    for table in _TCP_TABLES:
        for row in rows(Path(f"/proc/{pid}/net/{table}")):
            if row[3] == _LISTEN and row[9] in mine:
                yield f"{table} port {int(row[1].rpartition(':')[2], 16)}"


def _abstract(pid: int, mine: set[str]) -> Iterator[str]:
    for row in rows(Path(f"/proc/{pid}/net/unix")):
        looks_like_one = len(row) > 7 and row[7].startswith("@") and row[3] == _ACCEPTS and row[6] in mine
        if looks_like_one and not _is_no_door(int(row[6])):
            yield f"abstract socket {row[7]}"


def _is_no_door(inode: int) -> bool:
    """Whether the kernel says that a Unix socket does not listen, or not by an abstract name.

    Another account may give a socket a name that looks like a row of the table, with a number of ours in it. False
    where the kernel does not say: ``sock_diag`` is missing or forbidden, or the socket is no longer there.
    """
    body = _QUESTION.pack(socket.AF_UNIX, 0, _ANY_STATE, inode, _SHOW_NAME, _ANY_COOKIE)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
            kernel.setblocking(False)  # it has answered when the request is sent
            kernel.sendto(_MESSAGE.pack(_MESSAGE.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body, (0, 0))
            answer = kernel.recv(4096)
    except OSError:
        return False
    if _MESSAGE.unpack_from(answer)[1] != _BY_FAMILY:
        return False
    _, _, state, number, _ = _ANSWER.unpack_from(answer, _MESSAGE.size)
    return number == inode and not (state == _LISTENS and _name(answer).startswith(b"\0"))


def _name(answer: bytes) -> bytes:
    """Return the name of a socket; empty if it has none."""
    at = _MESSAGE.size + _ANSWER.size
    while at + _ATTRIBUTE.size <= len(answer):
        length, kind = _ATTRIBUTE.unpack_from(answer, at)
        if kind == _NAME:
            return answer[at + _ATTRIBUTE.size : at + length]
        at += max((length + 3) & ~3, _ATTRIBUTE.size)
    return b""


def rows(table: Path) -> Iterator[list[str]]:
    """Yield the rows of a table of the kernel, without its heading; a machine without IPv6 has no ``tcp6``."""
    try:
        lines = files.read_text(table, MAX_TABLE, errors="replace").splitlines()
    except FileNotFoundError:
        return
    yield from (line.split() for line in lines[1:])
