"""Feeds the same bytes whole, split at every point, and one at a time; the outcome has to be the same."""

from collections.abc import Callable, Iterator

from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.stream import Conversation

TRAILING = b"\xa5what comes next\x00"

#: Long transcripts are not split at every point: their keys are numbers that are read in one go.
SPLIT_EVERY_POINT = 200


def ways(data: bytes) -> Iterator[list[bytes]]:
    """Yield the ways to cut these bytes."""
    yield [data]
    step = 1 if len(data) <= SPLIT_EVERY_POINT else 23
    yield from ([data[:point], data[point:]] for point in range(1, len(data), step))
    yield [data[point : point + 1] for point in range(len(data))]


def converse(conversation: Conversation, chunks: list[bytes], certificate: bytes | None = None) -> bytes:
    """Feed chunks; make the leg TLS whenever it asks. Return everything that was sent."""
    sent = bytearray(conversation.data_to_send())
    for chunk in chunks:
        conversation.receive_data(chunk)
        sent += conversation.data_to_send()
        if isinstance(conversation, TargetHandshake) and conversation.needs_tls:
            conversation.tls_established(certificate)
            sent += conversation.data_to_send()
    return bytes(sent)


def every_way(make: Callable[[], Conversation], data: bytes, sent: bytes | None = None) -> Conversation:
    """Check that these bytes complete a conversation however they are cut, and that it reads no byte too many.

    Args:
        make: makes the conversation.
        data: what the peer says.
        sent: what it is told; None when that differs from run to run.

    Returns:
        One of the finished conversations.
    """
    for chunks in ways(data + TRAILING):
        conversation = make()
        told = converse(conversation, chunks)
        assert conversation.exc is None, (chunks, conversation.exc.log_line)
        assert conversation.done, chunks
        assert sent is None or told == sent, chunks
        assert conversation.leftover() == TRAILING, chunks
        assert conversation.leftover() == b""
    return conversation


def fails_every_way(make: Callable[[], Conversation], data: bytes, *, eof: bool = False) -> Conversation:
    """Check that these bytes end a conversation with the same error however they are cut.

    Returns:
        One of the failed conversations; none of them does anything any more.
    """
    seen = set()
    for chunks in ways(data):
        conversation = make()
        converse(conversation, chunks)
        if eof:
            conversation.receive_eof()
        assert conversation.exc is not None, chunks
        assert not conversation.done
        seen.add((type(conversation.exc), conversation.exc.log_line))
        conversation.receive_data(b"more")
        conversation.receive_eof()
        assert conversation.data_to_send() == b""
    assert len(seen) == 1, seen
    return conversation
