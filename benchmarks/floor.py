"""The floor: nothing but ``splice`` between two sockets, without websocket, login or a second session's thread."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading

_SIZE = 1 << 18
_F_SETPIPE_SZ = 1031


def forward(source: socket.socket, sink: socket.socket) -> None:
    """Move bytes until there are no more."""
    out, into = os.pipe()
    fcntl.fcntl(into, _F_SETPIPE_SZ, _SIZE)
    with contextlib.suppress(OSError):
        while count := os.splice(source.fileno(), into, _SIZE):
            while count:
                count -= os.splice(out, sink.fileno(), count)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    os.close(out)
    os.close(into)


def join(near: socket.socket, port: int) -> None:
    """Connect a browser with the source."""
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=forward, args=(near, far), daemon=True)
        back.start()
        forward(far, near)
        back.join()


def serve(listener: socket.socket, port: int) -> None:
    """Serve all connections."""
    while True:
        near, _ = listener.accept()
        threading.Thread(target=join, args=(near, port), daemon=True).start()
