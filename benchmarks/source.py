"""The benchmarks' VNC server: it accepts everybody, waits for the first message, and runs the recipe of its port."""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from .trace import Trace

_MOST_BROWSERS: Final = 64
_PIECE: Final = bytes(1 << 18)
#: Seconds between two small updates, and their size (bytes).
TICK: Final = 0.005
TICK_SIZE: Final = 64
#: The recipes that a port can be for.
RECIPES: Final = ("pour", "endless", "tick", "still", "replay")

_VERSION = b"RFB 003.008\n"
_SERVER_INIT = struct.pack(">HH4B3H3B3xI", 1280, 720, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0, 6) + b"source"
_Recipe = Callable[[socket.socket, int], None]


class Source:
    """Listens on a port for each recipe; ``stamps`` says when which piece of the trace was sent to whom."""

    def __init__(self, pour: int, trace: Trace) -> None:
        self.ports: dict[str, int] = {}
        self._pour = pour
        self._trace = trace
        self._shared = mmap.mmap(-1, 8 * _MOST_BROWSERS * max(1, len(trace)))
        self._stamps = memoryview(self._shared).cast("d")

    def stamps(self, number: int) -> memoryview[float]:
        """Return when (``time.monotonic``) each piece was sent to a browser, by its number."""
        return self._stamps[number * len(self._trace) : (number + 1) * len(self._trace)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listen; a process for each recipe."""
        fork = multiprocessing.get_context("fork")
        with ExitStack() as stack:
            for name in RECIPES:
                listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
                self.ports[name] = listener.getsockname()[1]
                process = fork.Process(target=_serve, args=(listener, getattr(self, f"_{name}_to")), daemon=True)
                process.start()
                stack.callback(process.join)
                stack.callback(process.kill)
            yield

    def _pour_to(self, peer: socket.socket, number: int) -> None:
        for _ in range(self._pour // len(_PIECE)):
            peer.sendall(_PIECE)

    def _endless_to(self, peer: socket.socket, number: int) -> None:
        while True:
            peer.sendall(_PIECE)

    def _tick_to(self, peer: socket.socket, number: int) -> None:
        while True:
            peer.sendall(struct.pack(">d", time.monotonic()).ljust(TICK_SIZE, b"\0"))
            time.sleep(TICK)

    def _still_to(self, peer: socket.socket, number: int) -> None:
        """Say nothing."""

    def _replay_to(self, peer: socket.socket, number: int) -> None:
        stamps, began = self.stamps(number), time.monotonic()
        for index, (at, data) in enumerate(self._trace):
            time.sleep(max(0.0, began + at - time.monotonic()))
            stamps[index] = time.monotonic()
            peer.sendall(data)


def _serve(listener: socket.socket, recipe: _Recipe) -> None:
    while True:
        peer, _ = listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_greet, args=(peer, recipe), daemon=True).start()


def _greet(peer: socket.socket, recipe: _Recipe) -> None:
    with peer, contextlib.suppress(OSError):
        for words, answer in ((_VERSION, 12), (b"\x01\x01", 1), (bytes(4), 1), (_SERVER_INIT, 10)):
            peer.sendall(words)
            if len(said := peer.recv(answer, socket.MSG_WAITALL)) < answer:
                return
        recipe(peer, int.from_bytes(said[2:4], "big"))
        peer.recv(1)  # until the other end has read it all
