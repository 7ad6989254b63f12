"""Channels round a channel: what a security type lays over the connection to a VNC server."""

from __future__ import annotations

from jupyter_vnc.channels import Channel
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.rfb.security import TightServerInit, Transform


class WrappedChannel:
    """A channel around another one; everything that is not overridden goes to the inner one."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def write(self, data: bytes) -> None:
        """See :meth:`~jupyter_vnc.channels.Channel.write`."""
        await self._channel.write(data)

    async def write_eof(self) -> bool:
        """See :meth:`~jupyter_vnc.channels.Channel.write_eof`."""
        return await self._channel.write_eof()

    async def close(self, code: CloseCode = CloseCode.NORMAL, reason: str = "") -> None:
        """See :meth:`~jupyter_vnc.channels.Channel.close`."""
        await self._channel.close(code, reason)


class TransformedChannel(WrappedChannel):
    """A channel inside the encryption that RA2 brings along."""

    def __init__(self, channel: Channel, transform: Transform) -> None:
        super().__init__(channel)
        self._transform = transform

    async def read(self) -> bytes:
        """Return the next bytes that can be decrypted.

        Raises:
            TargetProtocolError: they were tampered with.
        """
        while data := await self._channel.read():
            if clear := self._transform.decrypt(data):
                return clear
        return b""

    async def write(self, data: bytes) -> None:
        """Encrypt and send."""
        await self._channel.write(self._transform.encrypt(data))


class TightChannel(WrappedChannel):
    """A channel whose first bytes are the ServerInit that Tight has extended: the reader gets an ordinary one."""

    def __init__(self, channel: Channel, early: bytes) -> None:
        super().__init__(channel)
        self._init: TightServerInit | None = TightServerInit()
        self._init.receive_data(early)

    async def read(self) -> bytes:
        """Return the next bytes.

        Raises:
            TargetProtocolError: ServerInit is malformed.
        """
        while self._init is not None and not self._init.done:
            if self._init.exc is not None:
                raise self._init.exc
            if data := await self._channel.read():
                self._init.receive_data(data)
            else:
                self._init.receive_eof()
        if self._init is not None:
            first, self._init = self._init.server_init + self._init.leftover(), None
            return first
        return await self._channel.read()
