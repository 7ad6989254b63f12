"""Who is at the other end of a connection on this machine: the account of its process, as the kernel knows it.

A port of the loopback address belongs to whoever binds it first, and a socket's path to the owner of its folder. What
counts is the process that accepted the connection. The isolated programs of a desktop use this module too, so it
imports the standard library only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pwd
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

#: An owner that stands for everyone: whichever account has the port will do.
ANYONE: Final = "*"

#: ``struct ucred`` of ``unix(7)``: process, user, group.
_UCRED: Final = struct.Struct("3i")

#: Columns of ``/proc/net/tcp`` and ``tcp6`` (``proc(5)``).
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9

#: How many user ids there are; a user namespace that maps fewer shows all others as one.
_ALL_UIDS: Final = 0xFFFFFFFF


def trusted_uids(owner: str = "") -> set[int]:
    """Return who may be at the other end: root, our own account, and the one that is named (an account or a uid)."""
    owners = {0, os.geteuid()}
    if owner.isdecimal():
        owners.add(int(owner))
    elif owner:
        with contextlib.suppress(KeyError):
            owners.add(pwd.getpwnam(owner).pw_uid)
    return owners


def unix_uid(sock: socket.socket) -> int:
    """Return the uid that called listen(2) or connect(2) on the other side (``unix(7)``, SO_PEERCRED)."""
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)


def unix_pid(sock: socket.socket) -> int:
    """Return the process that called listen(2) or connect(2) on the other side; -1 where our namespace has none."""
    pid, _, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(pid) or -1


def connect_unix(path: Path, timeout: float | None = None) -> socket.socket:
    """Connect to a Unix socket whose server is root's or our own; ``timeout`` in seconds, None for no limit.

    Raises:
        PermissionError: it is another account's; nothing was sent.
        OSError: nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(str(path))
        _check_server(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_server(connection: socket.socket, path: Path) -> None:
    if (uid := unix_uid(connection)) not in trusted_uids():
        raise PermissionError(f"{path} is served by another account (uid {uid})")


def is_on_this_machine(sock: socket.socket) -> bool:
    """Whether the peer of a TCP connection has a loopback address, or the address that we have ourselves."""
    ours, theirs = _address(sock.getsockname()[0]), _address(sock.getpeername()[0])
    return theirs.is_loopback or ours == theirs


def tcp_uid(sock: socket.socket) -> int | None:
    """Return the uid of the process at the other end of a TCP connection within this machine; None if it is not known.

    Only a socket that a process holds counts. Until its process has accepted it, and once that has closed it, the
    kernel lists a connection as root's: ask after the first bytes of the peer have come.

    It is not known for what is in another network namespace (a container behind a forwarded port), for an account
    that our user namespace does not map, and where ``/proc`` is not readable.
    """
    (our_host, our_port, *_), (their_host, their_port, *_) = sock.getsockname(), sock.getpeername()
    pairs = {
        (f"{theirs}:{their_port:04X}", f"{ours}:{our_port:04X}")
        for theirs, ours in zip(_notations(their_host), _notations(our_host), strict=True)
    }
    for table in ("tcp", "tcp6"):
        for row in rows(Path(f"/proc/self/net/{table}")):
            if (row[_LOCAL], row[_REMOTE]) in pairs and row[_INODE] != "0":
                return _known(int(row[_UID]))
    return None


def rows(table: Path) -> Iterator[list[str]]:
    """Yield the rows of a table of the kernel, without its heading; one that cannot be read has none."""
    with contextlib.suppress(OSError):
        yield from (line.split() for line in table.read_text(errors="replace").splitlines()[1:])


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parse an address; an IPv4 address inside an IPv6 one is that IPv4 address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _notations(host: str) -> tuple[str, ...]:
    """Return how the kernel's tables write an address: words in the machine's own byte order, IPv4 mapped, too."""
    address = _address(host)
    if address.version == 6:
        return (_words(address.packed),)
    return _words(address.packed), _words(bytes(10) + b"\xff\xff" + address.packed)


def _words(packed: bytes) -> str:
    return "".join(f"{word:08X}" for (word,) in struct.iter_unpack("=I", packed))


def _known(uid: int) -> int | None:
    """Return a uid, unless it is the one that stands for all that our user namespace does not map."""
    return None if uid == overflow_uid() else uid


def overflow_uid() -> int | None:
    """Return the uid that stands for every account that our user namespace does not map; None where all are mapped."""
    try:
        mapped = sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())
        return None if mapped >= _ALL_UIDS else int(Path("/proc/sys/kernel/overflowuid").read_text())
    except (OSError, ValueError, IndexError):
        return None
