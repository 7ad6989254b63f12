"""A scripted VNC server for what real ones do rarely: refuse, hang, talk nonsense, hang up, flood.

Each fault is an async context manager that gives a :class:`FakeServer`. Without ``path`` it listens on a free port of
127.0.0.1, with it on that Unix socket. At the end every connection and task of it is gone::

    async with vnc_server.silent() as server:
        ...  # dial server.address
    assert server.connections == 1
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from jupyter_vnc.model.addresses import TCPAddress, UnixAddress

VERSION = b"RFB 003.008\n"
NONE, VNC_AUTH = 1, 2
NAME = b"fake desktop"
WIDTH, HEIGHT = 64, 48
#: 32 bits a pixel, depth 24, little endian, true colour.
PIXEL_FORMAT = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
SERVER_INIT = struct.pack(">HH", WIDTH, HEIGHT) + PIXEL_FORMAT + struct.pack(">I", len(NAME)) + NAME


class FakeServer:
    """What a test sees of the server.

    Attributes:
        address: where it is.
        connections: how many there have been.
        open: how many there are now.
        received: what came, from all of them; of those that log somebody in, what came after ClientInit.
        shared: the ClientInit bytes that came.
        sent: bytes that a firehose has got rid of.
    """

    def __init__(self) -> None:
        self.address: TCPAddress | UnixAddress = TCPAddress("127.0.0.1", 0)
        self.connections = 0
        self.open = 0
        self.received = bytearray()
        self.shared: list[int] = []
        self.sent = 0
        self._peers: set[Peer] = set()
        self._news = asyncio.Event()

    async def send(self, data: bytes) -> None:
        """Send to everybody who is logged in."""
        for peer in tuple(self._peers):
            await peer.send(data)

    def hang_up(self) -> None:
        """Close all connections."""
        for peer in tuple(self._peers):
            peer.writer.close()

    async def until(self, condition: Callable[[], bool], *, seconds: float = 30) -> None:
        """Wait for a condition on this server; it is looked at whenever something happens.

        Raises:
            TimeoutError: it did not come true.
        """
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def got(self, count: int) -> bytes:
        """Wait for that many bytes, and return what is there."""
        await self.until(lambda: len(self.received) >= count)
        return bytes(self.received)

    def note(self) -> None:
        """Wake up who waits in :meth:`until`."""
        self._news.set()


class Peer:
    """One connection, from the server's side."""

    def __init__(self, server: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read(self, count: int) -> bytes:
        return await self.reader.readexactly(count)

    async def listen(self) -> None:
        """Note what comes, until the peer closes."""
        while data := await self.reader.read(65536):
            self.server.received += data
            self.server.note()


Script = Callable[[Peer], Awaitable[None]]
Fake = AbstractAsyncContextManager[FakeServer]


@asynccontextmanager
async def serving(
    script: Script, path: str | os.PathLike[str] | None = None, *, sock: socket.socket | None = None
) -> AsyncIterator[FakeServer]:
    """Run the script for each connection; when it returns, the connection is closed. ``sock`` is one that listens."""
    server = FakeServer()
    tasks: set[asyncio.Task[None]] = set()
    over = False

    async def run(peer: Peer) -> None:
        server.connections += 1
        server.open += 1
        server._peers.add(peer)
        server.note()
        try:
            await script(peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            server._peers.discard(peer)
            # A peer that reads nothing would keep a graceful close waiting: a farewell gets half a second.
            peer.writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(peer.writer.wait_closed(), 0.5)
            peer.writer.transport.abort()
            server.open -= 1
            server.note()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if over:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(run(Peer(server, reader, writer)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    if path is None:
        listener = await asyncio.start_server(connected, sock=sock or socket.create_server(("127.0.0.1", 0)))
        server.address = TCPAddress(*listener.sockets[0].getsockname())
    else:
        listener = await asyncio.start_unix_server(connected, path)
        Path(path).chmod(0o600)
        server.address = UnixAddress(str(path))
    try:
        yield server
    finally:
        over = True
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(5):  # what was being accepted at the end gets to connected(), and is gone
            await asyncio.sleep(0)
        await listener.wait_closed()
        if path is not None:
            Path(path).unlink(missing_ok=True)


# -- steps ------------------------------------------------------------------------------------------------------


async def _greet(peer: Peer, kind: int) -> None:
    await peer.send(VERSION)
    await peer.read(len(VERSION))
    await peer.send(bytes([1, kind]))
    await peer.read(1)


async def _log_in(peer: Peer) -> None:
    await _greet(peer, NONE)
    await peer.send(struct.pack(">I", 0))
    await _init(peer)


async def _init(peer: Peer) -> None:
    peer.server.shared += await peer.read(1)
    await peer.send(SERVER_INIT)


def _reason(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def _answer(password: str, challenge: bytes) -> bytes:
    """DES under the password, the bits of each byte reversed (RFC 6143 section 7.2.2)."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0"))
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
    return encryptor.update(challenge)


# -- the faults -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def refusing(path: str | os.PathLike[str] | None = None) -> AsyncIterator[FakeServer]:
    """No server listens; the port is reserved, so that no other program gets it."""
    server = FakeServer()
    kind = socket.AF_INET if path is None else socket.AF_UNIX
    with socket.socket(kind) as held:
        if path is None:
            held.bind(("127.0.0.1", 0))
            server.address = TCPAddress("127.0.0.1", held.getsockname()[1])
        else:
            held.bind(os.fspath(path))
            Path(path).chmod(0o600)
            server.address = UnixAddress(str(path))
        try:
            yield server
        finally:
            if path is not None:
                Path(path).unlink(missing_ok=True)


def silent(path: str | os.PathLike[str] | None = None) -> Fake:
    """Accepts and never says a word."""
    return serving(Peer.listen, path)


def slow(path: str | os.PathLike[str] | None = None, *, pause: float = 0.2) -> Fake:
    """Says its greeting one byte at a time, ``pause`` seconds apart."""

    async def script(peer: Peer) -> None:
        for byte in VERSION:
            await peer.send(bytes([byte]))
            await asyncio.sleep(pause)
        await peer.listen()

    return serving(script, path)


def garbage(path: str | os.PathLike[str] | None = None) -> Fake:
    """Sends bytes that mean nothing, among them what a log must not show raw."""
    return talking(bytes(range(256)) * 16, path)


def http_instead(path: str | os.PathLike[str] | None = None) -> Fake:
    """A web server, as on a websockify port."""
    return talking(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", path)


def talking(words: bytes, path: str | os.PathLike[str] | None = None) -> Fake:
    """Says these bytes and then listens."""

    async def script(peer: Peer) -> None:
        await peer.send(words)
        await peer.listen()

    return serving(script, path)


#: What :func:`rude` still sends before it closes, by state.
STATES = ("connected", "half_version", "version", "types", "result", "init")


def rude(state: str, path: str | os.PathLike[str] | None = None) -> Fake:
    """Closes at this state: one of :data:`STATES`, each with what goes before it."""
    steps = {
        "half_version": (VERSION[:5], 0),
        "version": (VERSION, len(VERSION)),
        "types": (bytes([1, NONE]), 1),
        "result": (struct.pack(">I", 0), 1),
        "init": (SERVER_INIT, 0),
    }
    last = STATES.index(state)

    async def script(peer: Peer) -> None:
        for name in STATES[1 : last + 1]:
            if name == "half_version" and last > STATES.index(name):
                continue
            data, answer = steps[name]
            await peer.send(data)
            await peer.read(answer)

    return serving(script, path)


def firehose(path: str | os.PathLike[str] | None = None) -> Fake:
    """Logs everybody in and then sends as fast as they take it; ``sent`` counts."""

    async def script(peer: Peer) -> None:
        await _log_in(peer)
        chunk = bytes(65536)
        while True:
            await peer.send(chunk)
            peer.server.sent += len(chunk)
            await asyncio.sleep(0)

    return serving(script, path)


def recorder(path: str | os.PathLike[str] | None = None) -> Fake:
    """Logs everybody in, notes what comes, and sends what :meth:`FakeServer.send` is told."""

    async def script(peer: Peer) -> None:
        await _log_in(peer)
        await peer.listen()

    return serving(script, path)


#: FramebufferUpdate with one red pixel, raw (RFC 6143 section 7.6.1).
UPDATE = struct.pack(">BxHHHHHi", 0, 1, 0, 0, 1, 1, 0) + b"\0\0\xff\0"


def answering(words: bytes, path: str | os.PathLike[str] | None = None) -> Fake:
    """Logs everybody in, and answers the viewer's first message with these bytes and nothing else."""

    async def script(peer: Peer) -> None:
        await _log_in(peer)
        await peer.read(1)
        await peer.send(words)
        await peer.listen()

    return serving(script, path)


def vanishing(path: str | os.PathLike[str] | None = None) -> Fake:
    """Logs everybody in, says what desktop it is, and hangs up when it is asked for a picture."""

    async def script(peer: Peer) -> None:
        await _log_in(peer)
        await peer.read(1)

    return serving(script, path)


def speechless(path: str | os.PathLike[str] | None = None) -> Fake:
    """Logs everybody in, and never says what desktop it is: an X server that hangs."""

    async def script(peer: Peer) -> None:
        await _greet(peer, NONE)
        await peer.send(struct.pack(">I", 0))
        await peer.listen()

    return serving(script, path)


def unfinished(start: bytes, drip: float = 0.0, path: str | os.PathLike[str] | None = None) -> Fake:
    """Logs everybody in and begins to say what desktop it is; after ``start`` a byte each ``drip`` seconds, or none."""

    async def script(peer: Peer) -> None:
        await _greet(peer, NONE)
        await peer.send(struct.pack(">I", 0))
        peer.server.shared += await peer.read(1)
        await peer.send(start)
        peer.server.note()
        for _ in range(1000 if drip else 0):
            await asyncio.sleep(drip)
            await peer.send(b"x")
        await peer.listen()

    return serving(script, path)


def vnc_auth(password: str | None, path: str | os.PathLike[str] | None = None) -> Fake:
    """Asks for a VNC password; None refuses every one."""

    async def script(peer: Peer) -> None:
        await _greet(peer, VNC_AUTH)
        challenge = os.urandom(16)
        await peer.send(challenge)
        answer = await peer.read(16)
        if password is None or answer != _answer(password, challenge):
            await peer.send(struct.pack(">I", 1) + _reason(b"Authentication failed"))
            return
        await peer.send(struct.pack(">I", 0))
        await _init(peer)
        await peer.listen()

    return serving(script, path)


def wrong_password(path: str | os.PathLike[str] | None = None) -> Fake:
    """Refuses every password."""
    return vnc_auth(None, path)


def blacklisting(path: str | os.PathLike[str] | None = None) -> Fake:
    """Turns everybody away as TigerVNC does after too many failures: in RFB 3.3, with a reason."""

    async def script(peer: Peer) -> None:
        await peer.send(b"RFB 003.003\n")
        await peer.read(12)
        await peer.send(struct.pack(">I", 0) + _reason(b"Too many security failures"))

    return serving(script, path)


def huge_reason(path: str | os.PathLike[str] | None = None) -> Fake:
    """Refuses with a reason of 4 GiB, and means it; ``sent`` counts."""

    async def script(peer: Peer) -> None:
        await peer.send(VERSION)
        await peer.read(len(VERSION))
        await peer.send(b"\0" + struct.pack(">I", 0xFFFFFFFF))
        while True:
            await peer.send(b"x" * 65536)
            peer.server.sent += 65536
            await asyncio.sleep(0)

    return serving(script, path)
