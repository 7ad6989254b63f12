"""A channel over real sockets."""

import asyncio
import inspect
import socket
import ssl
from contextlib import asynccontextmanager, suppress

import pytest

from jupyter_vnc.channels import READ_SIZE, Channel, StreamChannel
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.connect.channel_wrappers import TightChannel, TransformedChannel
from jupyter_vnc.viewer_channel import WebSocketChannel
from tests.integration.certificates import HOST, Authority


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


async def test_a_channel_that_is_not_read_slows_the_peer_down():
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
        async with asyncio.timeout(30):
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
        async with asyncio.timeout(30):
            await asyncio.gather(channel.close(), channel.close())
            await channel.close()
        assert channel._writer.transport.is_closing()


async def test_the_socket_below():
    async with pair() as (channel, _):
        assert channel.socket.family == socket.AF_UNIX


async def test_who_takes_over_gets_what_was_read_and_what_comes():
    async with pair() as (channel, peer):
        await loop().sock_sendall(peer, b"early")
        async with asyncio.timeout(30):
            while not channel._reader._buffer:
                await asyncio.sleep(0)
        source, buffered = await channel.take_over()
        with source:
            assert buffered == b"early"
            await loop().sock_sendall(peer, b"late")
            assert await loop().sock_recv(source, 100) == b"late"
            assert await channel.read() == b""
        await channel.write(b"still ours")
        assert await loop().sock_recv(peer, 100) == b"still ours"


@pytest.mark.parametrize("error", [TimeoutError("timed out"), ssl.SSLError("broken"), ConnectionResetError("gone")])
async def test_whatever_breaks_a_write_the_peer_is_gone(error, monkeypatch):
    async with pair() as (channel, _):

        async def drain():
            raise error

        monkeypatch.setattr(channel._writer, "drain", drain)
        with pytest.raises(ConnectionError, match=str(error)):
            await channel.write(b"x")


@asynccontextmanager
async def tls_pair(folder):
    """A channel whose peer is about to begin TLS and sends everything back; what trusts its certificate; and that."""
    certificate = Authority(folder / "ca").sign()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)

    async def echo(reader, writer):
        with suppress(OSError):
            await writer.start_tls(context)
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        channel = StreamChannel(*await asyncio.open_connection(*server.sockets[0].getsockname()))
        yield channel, ssl.create_default_context(cafile=certificate.ca), certificate
        await channel.close()


async def test_inside_tls(tmp_path):
    async with tls_pair(tmp_path) as (channel, context, certificate):
        assert not channel.encrypted
        shown = await channel.start_tls(context, HOST)
        assert shown == ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text())
        assert channel.encrypted
        await channel.write(b"hello")
        assert await channel.read() == b"hello"
        assert await channel.write_eof() is False


async def test_a_certificate_for_another_host_is_refused(tmp_path):
    async with tls_pair(tmp_path) as (channel, context, _):
        with pytest.raises(ssl.SSLError, match="certificate"):
            await channel.start_tls(context, "other.example")
