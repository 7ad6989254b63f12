"""VNC servers that no package has, played from the protocol documents at a real address.

A part is a generator, as in :mod:`tests.rfb.scripts`: it yields what the server says and is sent what it was told,
up to ClientInit. From there on all servers are alike.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable
from typing import NamedTuple

from tests.fakes.vnc_server import SERVER_INIT, Fake, Peer, _answer, serving
from tests.rfb.scripts import (
    NO_TUNNEL,
    OK,
    UNIX_LOGIN,
    V38,
    VNC_LOGIN,
    AppleServer,
    RA2Server,
    Server,
    capabilities,
    failed,
    types,
)

#: Seconds without another byte after which the other side is taken to wait for us.
QUIET = 0.05
#: Bytes between the length of an RA2 message and the next message, besides its text.
_TAG = 16
WRONG = failed(b"Authentication failed")


class Part(NamedTuple):
    """What one connection plays.

    Attributes:
        lines: the generator.
        seal: encrypts what is said after ClientInit.
        open: decrypts what comes then.
        init: ServerInit.
    """

    lines: Server
    seal: Callable[[bytes], bytes] = bytes
    open: Callable[[bytes], bytes] = bytes
    init: bytes = SERVER_INIT


def playing(make: Callable[[], Part], path: str | os.PathLike[str] | None = None) -> Fake:
    """Play a new part for each connection, log in as everybody does, and note what comes."""

    async def script(peer: Peer) -> None:
        part = make()
        said = next(part.lines)
        while True:
            await peer.send(said)
            told = await _read(peer)
            if not told:
                return
            try:
                said = part.lines.send(told)
            except StopIteration:
                break
        peer.server.shared += part.open(told)
        await peer.send(part.seal(part.init))
        while data := await _read(peer):
            peer.server.received += part.open(data)
            peer.server.note()

    return serving(script, path)


async def _read(peer: Peer) -> bytes:
    """Read what the other side says until it waits; empty at its end."""
    told = data = await peer.reader.read(65536)
    while data:
        try:
            data = await asyncio.wait_for(peer.reader.read(65536), QUIET)
        except TimeoutError:
            break
        told += data
    return told


def ra2(greeting: bytes, number: int, username: str, password: str) -> Part:
    """RSA-AES: RealVNC, newer TigerVNC and wayvnc."""
    login = b"".join(bytes([len(text)]) + text for text in (username.encode(), password.encode()))
    last = ""

    def judged(name: str, data: bytes) -> bytes:
        nonlocal last
        last = name
        return WRONG if name == "result" and server.login != login else data

    def lines() -> Server:
        part = server.run()
        next(part)
        said = part.send((yield greeting))
        while True:
            if last == "proof":  # what login it wants follows at once
                said += part.send(b"")
            try:
                said = part.send((yield said))
            except StopIteration:
                return

    def unsealed(data: bytes) -> bytes:
        text = b""
        while data:
            end = 2 + struct.unpack_from(">H", data)[0] + _TAG
            text, data = text + server.open(data[:end]), data[end:]
        return text

    server = RA2Server(number, tamper=judged)
    return Part(lines(), server.seal, unsealed) if server.whole else Part(lines())


def mac(username: str, password: str) -> Part:
    """Screen Sharing of macOS, with Apple's Diffie-Hellman."""
    server = AppleServer(result=OK)

    def lines() -> Server:
        part = server.run()
        said = next(part)
        while True:
            judged = server.login not in {(b"", b""), (username.encode(), password.encode())}
            told = yield WRONG if judged else said
            try:
                said = part.send(told)
            except StopIteration:
                return

    return Part(lines())


def tight(password: str, *, unix_login: str = "") -> Part:
    """Tight as the only choice, with VNC authentication or a Unix login inside: TurboVNC, old TightVNC."""
    challenge = bytes(range(100, 116))

    def lines() -> Server:
        yield V38 + types(16)
        yield capabilities(NO_TUNNEL)
        login = yield capabilities(UNIX_LOGIN if unix_login else VNC_LOGIN)
        if unix_login:
            user, secret = unix_login.encode(), password.encode()
            wanted = struct.pack(">III", 129, len(user), len(secret)) + user + secret
        else:
            login = yield challenge
            wanted = _answer(password, challenge)
        yield OK if login == wanted else WRONG

    return Part(lines(), init=SERVER_INIT + bytes(8))


def ultra(password: str) -> Part:
    """UltraVNC announces 3.6 and then speaks 3.3, where the server decides (RFC 6143 appendix A)."""
    challenge = bytes(range(100, 116))

    def lines() -> Server:
        assert (yield b"RFB 003.006\n") == b"RFB 003.003\n"
        answer = yield struct.pack(">I", 2) + challenge
        yield OK if answer == _answer(password, challenge) else struct.pack(">I", 1)

    return Part(lines())
