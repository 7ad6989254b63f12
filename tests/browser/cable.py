"""A cable between browser and server that can be cut, and held: then nothing moves any more, and nobody is told."""

import contextlib
import socket
import threading

_PIECE = 1 << 16


class Cable:
    """Forwards connections to a port of this machine; ``port`` is where it is reached."""

    def __init__(self, to):
        self._to = to
        self._whole = threading.Event()
        self._whole.set()
        self._is_cut = False
        self._ends = set()
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    def hold(self):
        """Hold it, in both directions. New connections hang too."""
        self._whole.clear()

    def cut(self):
        """Cut it: all connections end at once, and new ones are closed before they carry anything."""
        self._is_cut = True
        for end in tuple(self._ends):
            _shut(end)

    def repair(self):
        """What was held goes on its way."""
        self._is_cut = False
        self._whole.set()

    def close(self):
        self.repair()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in tuple(self._ends):
            _shut(end)
        for thread in self._threads:
            thread.join(60)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                self._start(self._join, near)

    def _join(self, near):
        self._whole.wait()
        if self._is_cut:
            near.close()
            return
        with near, contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", self._to)) as far:
            self._ends |= {near, far}
            back = self._start(self._forward, far, near)
            self._forward(near, far)
            back.join()
            self._ends -= {near, far}

    def _forward(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE):
                self._whole.wait()
                sink.sendall(data)
        self._whole.wait()
        _shut(source)
        _shut(sink)

    def _start(self, run, *args):
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread


def _shut(end):
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
