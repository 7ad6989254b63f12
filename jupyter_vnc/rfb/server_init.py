"""ServerInit: how a server describes its desktop after ClientInit (RFC 6143 section 7.3.2)."""

from __future__ import annotations

from typing import Final

from jupyter_vnc.exceptions import TargetProtocolError, TargetUnreachable, VNCError

from .stream import Conversation, Steps, Stream
from .wire import MAX_NAME, U16, U32

#: Width, height, pixel format and the length of the name.
_HEADER: Final = 24


class ServerInit(Conversation):
    """Reads a ServerInit; it sends nothing.

    Feed it what comes after ClientInit. When :attr:`done`, :meth:`leftover` is what follows.

    Attributes:
        server_init: the message as it came, once it is whole.
        size: width and height in pixels, as announced: compare them with a limit before use.

    Errors in :attr:`exc`: :class:`.TargetProtocolError` (the name is longer than :data:`.MAX_NAME`),
    :class:`.TargetUnreachable` (closed early).
    """

    fault = TargetProtocolError

    def __init__(self) -> None:
        self.server_init = b""
        self.size = (0, 0)
        super().__init__(Stream())

    def _run(self) -> Steps[None]:
        self.server_init = yield from self._read()
        self.size = (U16.unpack_from(self.server_init, 0)[0], U16.unpack_from(self.server_init, U16.size)[0])

    def _read(self) -> Steps[bytes]:
        header = yield from self._stream.read_exact(_HEADER)
        (length,) = U32.unpack_from(header, _HEADER - U32.size)
        if length > MAX_NAME:
            raise TargetProtocolError("The desktop's name is too long.", detail=f"{length} bytes")
        return header + (yield from self._stream.read_exact(length))

    def _closed_early(self) -> VNCError:
        return TargetUnreachable("The desktop closed the connection instead of describing itself.")
