"""A connection to the X server of a display: requests out, replies and events in; its bytes: :mod:`.protocol`."""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.procfs import x_socket
from jupyter_vnc.system import peers

from . import protocol as x11
from . import requests, xauthority

#: Seconds for an X server to answer a request; events may take as long as they like.
PATIENCE: Final = 60.0

_PIECE: Final = 1 << 16


class Link:
    """One connection, of a program with one thread.

    Every method raises ``OSError`` when the X server is gone or does not answer, and :class:`.x11.ProtocolError` when
    its answer is invalid. Errors that it reports are not raised: windows go away at any time.
    """

    def __init__(self, connection: socket.socket, cookie: bytes, patience: float = PATIENCE) -> None:
        self._socket = connection
        self._patience = patience
        self._decoder = x11.Decoder()
        self._events: deque[x11.Event] = deque()
        self._sent = 0
        #: The kind of an extension's event that is wanted, too; 0 for none.
        self.also = 0
        connection.settimeout(patience)
        connection.sendall(requests.setup(xauthority.PROTOCOL, cookie))
        self.screen = x11.screen(self._packet())

    @classmethod
    def open(cls, display: int, authority: Path, patience: float = PATIENCE) -> Link:
        """Connect to a display of this machine with the cookie of an X authority file.

        Another account's server, whatever it is, gets no cookie.

        Args:
            display: its number.
            authority: the file.
            patience: seconds for each answer.
        """
        connection = peers.connect_unix(x_socket(display))
        try:
            return cls(connection, xauthority.read(authority), patience)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def send(self, request: bytes) -> int:
        """Send a request that has no reply; return its number: events that come after it have that or more."""
        self._socket.sendall(request)
        self._sent += 1
        return self._sent

    def ask(self, request: bytes) -> bytes | None:
        """Send a request and return its reply; None if the X server cannot answer it, as when the window is gone."""
        wanted = self.send(request)
        self._socket.settimeout(self._patience)
        while True:
            packet = self._packet()
            if packet[0] in {x11.ERROR, x11.REPLY} and x11.sequence(packet) == wanted & 0xFFFF:
                return packet if packet[0] == x11.REPLY else None
            self._keep(packet)

    def event(self) -> x11.Event:
        """Wait for the next event."""
        self._socket.settimeout(None)
        while not self._events:
            self._keep(self._packet())
        return self._events.popleft()

    def _keep(self, packet: bytes) -> None:
        if packet[0] not in {x11.ERROR, x11.REPLY} and (event := x11.event(packet, self.also)) is not None:
            behind = (self._sent - event.sequence) & 0xFFFF  # it has the lower 16 bits of the number
            self._events.append(replace(event, sequence=self._sent - behind))

    def _packet(self) -> bytes:
        while (packet := self._decoder.packet()) is None:
            data = self._socket.recv(_PIECE)
            if not data:
                raise ConnectionResetError("the X server closed the connection")
            self._decoder.feed(data)
        return packet
