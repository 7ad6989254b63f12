"""A VNC server and a browser that never pause, in threads of their own: Jupyter's server has its loop to itself."""

import contextlib
import socket
import threading
from contextlib import contextmanager

from jupyter_vnc.model.addresses import TCPAddress
from tests.bare_browser import GREETING, frame, upgrade
from tests.fakes.vnc_server import SERVER_INIT, VERSION

_PIECE = bytes(256 * 1024)


@contextmanager
def flood(*, floods=True):
    """A VNC server that lets everybody in and then sends as fast as they take it, or nothing; gives its address."""
    peers, threads = [], []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    peers.append(listener.accept()[0])
                    threads.append(_started(_serve, peers[-1], floods))

        accepting = _started(accept)
        try:
            yield TCPAddress("127.0.0.1", listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(10)
            for peer, thread in zip(peers, threads, strict=True):
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)  # maybe nobody reads any more: wake up the waiting thread
                thread.join(10)
                peer.close()


def _serve(peer, floods):
    with contextlib.suppress(OSError):
        for words, answer in ((VERSION, 12), (b"\x01\x01", 1), (bytes(4), 1), (SERVER_INIT, 0)):
            peer.sendall(words)
            if answer:
                peer.recv(answer, socket.MSG_WAITALL)
        while floods:
            peer.sendall(_PIECE)
    if floods:
        peer.close()


def greeted(client, token):
    """A browser that says its greeting and then neither speaks nor reads: a socket."""
    where = client.origin.split("//")[1]
    host, port = where.split(":")
    browser = socket.create_connection((host, int(port)))
    browser.sendall(upgrade(client, token, where) + b"".join(map(frame, GREETING)))
    return browser


class Sink:
    """A browser that reads all that comes and forgets it; ``received`` counts. Close it, and wait for it."""

    def __init__(self, client, token):
        self.received = 0
        self._leaving = False
        self._socket = greeted(client, token)
        self._thread = _started(self._read)

    def _read(self):
        space = bytearray(1 << 20)
        with contextlib.suppress(OSError):
            while not self._leaving and (count := self._socket.recv_into(space)):
                self.received += count

    def close(self):
        """Leave. The thread is gone when this returns."""
        self._leaving = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()


def _started(target, *args):
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread
