"""A browser as a bare socket: it greets like a viewer, and reads as fast as possible or not at all."""

from __future__ import annotations

import base64
import secrets
import socket
from collections.abc import Mapping
from typing import Final

from tests.bare_browser import GREETING, frame

#: How much is read at once (bytes).
PIECE: Final = 1 << 18
_VERSION, _RESULT, _GEOMETRY, _NAME_SIZE = 12, 4, 20, 4
_PING, _CLOSE = 0x89, 0x88


class Browser:
    """A viewer's websocket, past ServerInit when it is made."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str], receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = 0
        self._space = bytearray(PIECE)
        self._upgrade(port, path, headers)
        self._greet()

    def go(self, number: int = 0) -> None:
        """Ask the source to begin: a FramebufferUpdateRequest, whose x identifies the browser."""
        self._say(b"\x03\x00" + number.to_bytes(2, "big") + bytes(6))

    def read(self, most: int = PIECE) -> memoryview:
        """Return the received bytes, at least one; valid until the next call.

        Raises:
            EOFError: the server has closed the connection.
        """
        while not self._left:
            self._next_frame()
        count = self.socket.recv_into(self._space, min(most, self._left, PIECE))
        return memoryview(self._space)[: self._took(count)]

    def skip(self, size: int) -> None:
        """Receive and discard that many bytes (the kernel drops them)."""
        while size:
            while not self._left:
                self._next_frame()
            size -= self._took(self.socket.recv_into(self._space, min(size, self._left, PIECE), socket.MSG_TRUNC))

    def exactly(self, size: int) -> bytes:
        """Return that many bytes."""
        data = b""
        while len(data) < size:
            data += self.read(size - len(data))
        return data

    def close(self) -> None:
        """Close the socket without a close frame."""
        self.socket.close()

    def _took(self, count: int) -> int:
        if not count:
            raise EOFError
        self._left -= count
        return count

    def _upgrade(self, port: int, path: str, headers: Mapping[str, str]) -> None:
        lines = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
            "Sec-WebSocket-Protocol": "binary",
            **headers,
        }
        request = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
        self.socket.sendall("\r\n".join(request).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self._raw(1)
        if b" 101 " not in answer.partition(b"\r\n")[0]:
            raise ConnectionRefusedError(answer.decode("latin-1"))

    def _greet(self) -> None:
        version, security, shared = GREETING
        self.exactly(_VERSION)
        self._say(version)
        self.exactly(self.exactly(1)[0])
        self._say(security)
        self.exactly(_RESULT)
        self._say(shared)
        self.exactly(_GEOMETRY)
        self.exactly(int.from_bytes(self.exactly(_NAME_SIZE), "big"))

    def _say(self, message: bytes) -> None:
        self.socket.sendall(frame(message))

    def _next_frame(self) -> None:
        kind, size = self._raw(2)
        if size > 125:
            size = int.from_bytes(self._raw(2 if size == 126 else 8), "big")
        if kind == _PING:
            self.socket.sendall(b"\x8a" + frame(self._raw(size))[1:])
        elif kind == _CLOSE:
            raise EOFError(self._raw(size)[2:].decode())
        else:
            self._left = size

    def _raw(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data


class BareBrowser(Browser):
    """One that speaks no websocket: what the floor is measured with."""

    def _upgrade(self, port: int, path: str, headers: Mapping[str, str]) -> None:
        self._left = 1 << 62

    def _say(self, message: bytes) -> None:
        self.socket.sendall(message)
