"""A channel over real sockets."""

import asyncio
import inspect
import socket
from contextlib import asynccontextmanager

import pytest

from jupyter_vnc.channels import READ_SIZE, Channel, StreamChannel
from jupyter_vnc.connect.wrapped import TightChannel, TransformedChannel
from jupyter_vnc.exceptions import CloseCode
from jupyter_vnc.viewer_channel import WebSocketChannel


@asynccontextmanager
async def pair():
    """A channel, and the plain socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=READ_SIZE)
    channel = StreamChannel(reader, writer)
    try:
        yield channel, theirs
    finally:
        await channel.close()
        theirs.close()


def loop():
    return asyncio.get_running_loop()


@pytest.mark.parametrize("kind", [StreamChannel, TransformedChannel, TightChannel, WebSocketChannel])
@pytest.mark.parametrize("method", ["read", "write", "write_eof", "close"])
def test_every_channel_has_the_methods_of_the_contract(kind, method):
    assert inspect.iscoroutinefunction(getattr(kind, method))
    assert inspect.signature(getattr(kind, method)) == inspect.signature(getattr(Channel, method))


class Inner:
    """What a channel is wrapped around; knows how it was closed."""

    closed = ()

    async def close(self, code=CloseCode.NORMAL, reason=""):
        self.closed = (code, reason)


@pytest.mark.parametrize(
    "wrap", [lambda inner: TransformedChannel(inner, None), lambda inner: TightChannel(inner, b"")]
)
async def test_a_wrapped_channel_is_closed_with_code_and_reason(wrap):
    inner = Inner()
    await wrap(inner).close(CloseCode.STALLED, "too slow")
    assert inner.closed == (CloseCode.STALLED, "too slow")


async def test_bytes_go_both_ways():
    async with pair() as (channel, peer):
        await channel.write(b"hello")
        assert await loop().sock_recv(peer, 100) == b"hello"
        await loop().sock_sendall(peer, b"world")
        assert await channel.read() == b"world"


async def test_a_read_is_bounded():
    async with pair() as (channel, peer):
        sending = asyncio.create_task(loop().sock_sendall(peer, bytes(10 * READ_SIZE)))
        total = 0
        while total < 10 * READ_SIZE:
            data = await channel.read()
            assert 0 < len(data) <= READ_SIZE
            total += len(data)
        await sending


async def test_who_does_not_read_holds_up_the_peer():
    async with pair() as (channel, peer):
        sending = asyncio.create_task(loop().sock_sendall(peer, bytes(64 * READ_SIZE)))
        await asyncio.sleep(0.1)
        assert not sending.done()
        # asyncio stops reading at twice the stream's limit; what came in with the last read is on top.
        assert len(channel._reader._buffer) <= 2 * READ_SIZE + 256 * 1024
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_a_peer_that_does_not_read_makes_write_wait():
    async with pair() as (channel, peer):
        written = 0

        async def pour():
            nonlocal written
            while True:
                await channel.write(bytes(READ_SIZE))
                written += READ_SIZE

        pouring = asyncio.create_task(pour())
        await asyncio.sleep(0.1)
        before = written
        await asyncio.sleep(0.1)
        assert written == before
        assert channel._writer.transport.get_write_buffer_size() <= 2 * READ_SIZE
        # It goes on once the peer reads.
        async with asyncio.timeout(10):
            while written == before:
                await loop().sock_recv(peer, READ_SIZE)
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)


async def test_half_close():
    async with pair() as (channel, peer):
        await channel.write(b"bye")
        assert await channel.write_eof() is True
        assert await loop().sock_recv(peer, 100) == b"bye"
        assert await loop().sock_recv(peer, 100) == b""
        await loop().sock_sendall(peer, b"still here")
        assert await channel.read() == b"still here"


async def test_a_peer_that_closes_is_the_end():
    async with pair() as (channel, peer):
        await loop().sock_sendall(peer, b"last")
        peer.close()
        assert await channel.read() == b"last"
        assert await channel.read() == b""
        assert await channel.read() == b""


async def test_writing_to_a_peer_that_is_gone_raises():
    async with pair() as (channel, peer):
        peer.close()

        async def write_on():
            for _ in range(100):
                await channel.write(b"x")
                await asyncio.sleep(0.001)

        with pytest.raises(ConnectionError):
            await write_on()
        assert await channel.read() == b""


async def test_a_reset_reads_as_the_end():
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        channel = StreamChannel(reader, writer)
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        assert await channel.read() == b""
        await channel.close()


async def test_closing_twice_and_with_a_peer_that_does_not_read():
    async with pair() as (channel, _):
        channel._writer.write(bytes(100 * READ_SIZE))
        async with asyncio.timeout(10):
            await asyncio.gather(channel.close(), channel.close())
            await channel.close()
        assert channel._writer.transport.is_closing()


async def test_the_socket_below():
    async with pair() as (channel, _):
        assert channel.socket.family == socket.AF_UNIX
