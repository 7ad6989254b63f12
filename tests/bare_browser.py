"""A browser as a bare socket, which reads only when the test does, and stops or aborts wherever the test wants."""

import asyncio
import base64
import secrets
import socket
import struct
from contextlib import asynccontextmanager

#: What a viewer sends before a session's pictures: version, security type None, ClientInit.
GREETING = (b"RFB 003.008\n", b"\x01", b"\x01")
#: Closing sends a reset instead of an end.
RESET = struct.pack("ii", 1, 0)


def frame(payload: bytes) -> bytes:
    """A binary message as a client sends it (RFC 6455 section 5.2); the mask is zero, so it changes nothing."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x82" + length + bytes(4) + payload


def upgrade(client, token, where):
    """The request for the websocket, as bytes."""
    lines = [
        f"GET {client.url('/ws')} HTTP/1.1",
        f"Host: {where}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
        f"Sec-WebSocket-Protocol: binary, vnc.token.{token}",
        f"Authorization: {client.token['Authorization']}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def reset(writer):
    """Reset the connection, as a machine does after a restart."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@asynccontextmanager
async def connected(client, limit=1024, sock=None):
    """A connection to the server, and nothing said yet; the reader holds little more than ``limit``."""
    host, port = client.origin.split("//")[1].split(":")
    where = {"host": host, "port": int(port)} if sock is None else {"sock": sock}
    reader, writer = await asyncio.open_connection(**where, limit=limit)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def browser(client, token, limit=1024, sock=None):
    """A browser that has greeted, through ClientInit, and read no more than the answer's first line."""
    async with connected(client, limit, sock) as (reader, writer):
        writer.write(upgrade(client, token, client.origin.split("//")[1]))
        assert b" 101 " in await reader.readline()
        for message in GREETING:
            writer.write(frame(message))
        yield reader, writer


async def messages(reader):
    """Yield each frame's first byte and its payload, until the end."""
    await reader.readuntil(b"\r\n\r\n")
    while True:
        try:
            kind, size = await reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            payload = await reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield kind, payload


async def frames(reader):
    """Yield the payload of each binary frame, until the end; other frames are passed over."""
    async for kind, payload in messages(reader):
        if kind == 0x82:
            yield payload


async def live(reader, writer, answered=None):
    """Take what comes and answer pings, until the end; ``answered`` is a list that gets them."""
    async for kind, payload in messages(reader):
        if kind == 0x89:
            writer.write(b"\x8a" + frame(payload)[1:])
            if answered is not None:
                answered.append(payload)
