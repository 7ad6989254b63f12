"""The generator reader, and the driver that runs a protocol written over it.

A protocol is straight-line code: ``data = yield from stream.read_exact(4)``. A bare ``yield`` means "nothing
more can be done with what is here". The driver, :class:`Conversation`, has the verbs that a floor with sockets
calls: :meth:`~Conversation.receive_data`, :meth:`~Conversation.receive_eof`,
:meth:`~Conversation.data_to_send`, :meth:`~Conversation.leftover`. A peer's mistake never raises through them:
it is stored in :attr:`~Conversation.exc`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import TypeAlias, TypeVar

from jupyter_vnc.exceptions import VNCError

from .wire import MAX_UNREAD

Result = TypeVar("Result")

#: A protocol step: it yields while it needs more input, and returns its result.
Steps: TypeAlias = Generator[None, None, Result]


class Stream:
    """Bytes that came and were not read, and bytes that were written and not yet sent."""

    def __init__(self) -> None:
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self.eof = False

    def feed(self, data: bytes) -> None:
        """Add bytes that came from the peer."""
        self._incoming += data

    @property
    def unread(self) -> int:
        """How many bytes wait to be read."""
        return len(self._incoming)

    def read_exact(self, count: int) -> Steps[bytes]:
        """Read exactly ``count`` bytes.

        Args:
            count: never a peer's number as it stands: compare it with a limit of :mod:`.wire` first.

        Raises:
            EOFError: the peer closed before.
        """
        while len(self._incoming) < count:
            if self.eof:
                raise EOFError
            yield
        return self._take(count)

    def read_at_most(self, count: int) -> Steps[bytes]:
        """Read ``count`` bytes, or as many as come before the peer closes."""
        while len(self._incoming) < count and not self.eof:
            yield
        return self._take(count)

    def skip(self, count: int) -> Steps[None]:
        """Read ``count`` bytes and keep none of them, however many they are.

        Raises:
            EOFError: the peer closed before.
        """
        while count:
            if not self._incoming and self.eof:
                raise EOFError
            left = min(count, len(self._incoming))
            del self._incoming[:left]
            count -= left
            if count:
                yield

    def write(self, data: bytes) -> None:
        """Queue bytes for the peer."""
        self._outgoing += data

    def take_outgoing(self) -> bytes:
        """Hand over the queued bytes."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def take_unread(self) -> bytes:
        """Hand over the unread bytes."""
        return self._take(len(self._incoming))

    def _take(self, count: int) -> bytes:
        data = bytes(self._incoming[:count])
        del self._incoming[:count]
        return data


class Conversation(ABC):
    """Runs the generator of one leg's handshake.

    Attributes:
        done: the handshake has ended well; what follows on the wire is no longer its business.
        exc: why it failed, once it has; nothing happens after that.
    """

    #: What a peer that breaks the protocol is reported as.
    fault: type[VNCError]

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.done = False
        self.exc: VNCError | None = None
        self._steps = self._run()
        self._advance()

    def receive_data(self, data: bytes) -> None:
        """Feed bytes that came from the peer."""
        if self.exc is not None:
            return
        if self._stream.unread + len(data) > MAX_UNREAD:
            self.exc = self.fault("Too much data came during the handshake.")
            return
        try:
            self._feed(data)
        except VNCError as exc:
            self.exc = exc
        self._advance()

    def receive_eof(self) -> None:
        """Note that the peer has closed its side."""
        self._stream.eof = True
        self._advance()

    def data_to_send(self) -> bytes:
        """Hand over the bytes to write to the peer now; valid after a failure too."""
        return self._stream.take_outgoing()

    def leftover(self) -> bytes:
        """Hand over the bytes that came after the handshake's end; they belong to what follows."""
        return self._stream.take_unread()

    def _feed(self, data: bytes) -> None:
        """Pass bytes on to the stream."""
        self._stream.feed(data)

    def _advance(self) -> None:
        """Run the generator as far as it gets."""
        if self.done or self.exc is not None:
            return
        try:
            next(self._steps)
        except StopIteration:
            self.done = True
        except EOFError:
            self.exc = self._closed_early()
        except VNCError as exc:
            self.exc = exc

    @abstractmethod
    def _run(self) -> Steps[None]:
        """The protocol itself."""

    @abstractmethod
    def _closed_early(self) -> VNCError:
        """The error for a peer that closes before the end."""
