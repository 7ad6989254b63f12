"""Opening a socket to a target, TCP or Unix, with every failure turned into its own sentence.

The browser gets the *class* of the failure (refused, no such host, timed out, socket missing); the address goes to the
log only.
"""

from __future__ import annotations

import asyncio
import random
import socket
import stat
from functools import singledispatch
from pathlib import Path
from typing import Final

from jupyter_vnc.channels import READ_SIZE, StreamChannel
from jupyter_vnc.exceptions import TargetUnreachable, VNCError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.system.descriptors import is_ours, no_room
from jupyter_vnc.system.peers import trusted_uids
from jupyter_vnc.system.peers import unix_uid as _peer_uid

#: For how long a TCP target may be silent to the network itself (seconds): past it, the machine or the way is gone.
SILENCE: Final = 40
#: Nothing is being sent: after half of it the kernel asks, and asks again (``tcp(7)``).
_KEEPALIVE: Final = {"TCP_KEEPIDLE": SILENCE // 2, "TCP_KEEPINTVL": SILENCE // 8, "TCP_KEEPCNT": 4}
#: Something is, and is not acknowledged: then the kernel does not ask, and would try for a quarter of an hour. Linux.
_UNACKNOWLEDGED: Final = {"TCP_USER_TIMEOUT": SILENCE * 1000}

#: Pause between tries at a Unix socket whose backlog is full (seconds, lower and upper bound).
RETRY_PAUSE: Final = (0.05, 0.25)

_SENTENCES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ConnectionRefusedError, "The desktop refused the connection. Is its VNC server running?"),
    (FileNotFoundError, "The desktop is not running: its socket does not exist."),
    (PermissionError, "The server is not permitted to connect to the desktop's socket."),
    (socket.gaierror, "The desktop's host name is not known."),
    (TimeoutError, "The desktop did not answer in time."),
)


def unreachable(error: BaseException, address: object) -> VNCError:
    """Explain in one sentence why a target was not reached; the log gets the address and the system's words.

    What this process ran out of is not the target's fault.
    """
    if is_ours(error):
        return no_room(f"{address}: {error}")
    sentence = next((text for kind, text in _SENTENCES if isinstance(error, kind)), "The desktop cannot be reached.")
    return TargetUnreachable(sentence, detail=f"{address}: {type(error).__name__}: {error}")


async def dial(address: TCPAddress | UnixAddress) -> StreamChannel:
    """Connect; the caller sets the time limit.

    Raises:
        TargetUnreachable: says what kind of failure it was.
        LimitExceeded: this process has no descriptor or memory left.
    """
    try:
        return await _dial(address)
    except OSError as error:
        raise unreachable(error, address) from None


@singledispatch
async def _dial(address: object) -> StreamChannel:
    raise TypeError(f"{type(address).__name__} is not dialled")


@_dial.register
async def _dial_tcp(address: TCPAddress) -> StreamChannel:
    # Without happy eyeballs: cancelled at the wrong moment, they leave a connected socket behind (CPython 3.11).
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=READ_SIZE)
    sock: socket.socket = writer.get_extra_info("socket")
    watch(sock)
    return StreamChannel(reader, writer)


def watch(sock: socket.socket) -> None:
    """Let the kernel notice that a TCP peer is gone, within the time that the system lets us set."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (_KEEPALIVE | _UNACKNOWLEDGED).items():
        if (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


@_dial.register
async def _dial_unix(address: UnixAddress) -> StreamChannel:
    """Connect to a Unix socket; while its backlog is full, try again until the caller's time is up.

    A full backlog answers EAGAIN, which asyncio takes for "in progress" and then for "connected": only
    ``getpeername`` tells (seen with a backlog of 5, TigerVNC's own).
    """
    check_socket(address)
    while True:
        reader, writer = await asyncio.open_unix_connection(address.path, limit=READ_SIZE)
        sock: socket.socket = writer.get_extra_info("socket")
        try:
            sock.getpeername()
        except OSError:
            writer.transport.abort()
            await asyncio.sleep(random.uniform(*RETRY_PAUSE))  # noqa: S311 - jitter
            continue
        channel = StreamChannel(reader, writer)
        if (uid := _peer_uid(sock)) not in _owners(address):
            await channel.close()
            raise _foreign(address, f"its server runs as uid {uid}")
        return channel


def check_socket(address: UnixAddress) -> None:
    """Check that a socket is one, has a trusted owner, and is not open to everybody.

    Raises:
        FileNotFoundError: there is none.
        TargetUnreachable: it is not a socket, or others than its owner could be behind it or reach it.
    """
    path = Path(address.path)
    status, folder = path.stat(), path.parent.stat()
    if not stat.S_ISSOCK(status.st_mode):
        raise TargetUnreachable("The desktop's socket path is not a socket.", detail=f"{path} is not a socket")
    if status.st_uid not in _owners(address):
        raise _foreign(address, f"it belongs to uid {status.st_uid}")
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise _foreign(address, "its folder can be changed by everybody")
    if status.st_mode & stat.S_IWOTH and folder.st_mode & stat.S_IXOTH:
        raise _foreign(address, "everybody can connect to it: chmod 600 it, or 700 its folder")


def _foreign(address: UnixAddress, why: str) -> TargetUnreachable:
    sentence = "The desktop's socket is not safe to use. Tell your administrator."
    return TargetUnreachable(sentence, detail=f"{address.path}: {why}")


def _owners(address: UnixAddress) -> set[int]:
    """User ids that may be behind the socket: root, ourselves, and the account that the target names."""
    return trusted_uids(address.owner)
