"""Accepting connections of a listening socket: it rests while the process has no descriptors left.

The kernel reports a connection that cannot be accepted again and again. Tornado's own loop then does nothing else, and
logs a traceback for each attempt.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from logging import Logger, LoggerAdapter
from typing import Any, Final

from tornado.ioloop import IOLoop

from jupyter_vnc.system import descriptors

#: Connections taken in one go; others have their turn in between.
BATCH: Final = 64
#: For how long none is accepted when there is no descriptor (seconds). They wait in the kernel meanwhile.
REST: Final = 0.25
#: Descriptors that connections leave to the sessions that are being opened.
SPARE: Final = 16

Take = Callable[[socket.socket, Any], None]


class Acceptor:
    """Takes the connections of one listening socket.

    Args:
        listener: which does not block.
        take: gets each connection and its address.
        relieve: called when there is no descriptor: closes what can be spared.
        log: where it says so.
    """

    def __init__(
        self, listener: socket.socket, take: Take, relieve: Callable[[], None], log: Logger | LoggerAdapter[Any]
    ) -> None:
        self._listener = listener
        self._take = take
        self._relieve = relieve
        self._log = log
        self._loop = IOLoop.current()
        self._resting: object | None = None
        self._short = False
        self._start()

    def stop(self) -> None:
        """Accept no more."""
        if self._resting is None:
            self._loop.remove_handler(self._listener)
        else:
            self._loop.remove_timeout(self._resting)

    def _start(self) -> None:
        self._resting = None
        self._loop.add_handler(self._listener, self._accept, IOLoop.READ)

    def _accept(self, listener: socket.socket, events: int) -> None:
        if descriptors.opened() + SPARE > descriptors.limit():
            self._rest("too few descriptors are left")
            return
        for _ in range(min(BATCH, SPARE)):
            try:
                connection, address = listener.accept()
            except BlockingIOError:
                self._short = False
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if not descriptors.is_ours(error):
                    raise
                self._rest(str(error))
                return
            self._take(connection, address)

    def _rest(self, why: str) -> None:
        """Pause, and say so once for each shortage."""
        if not self._short:
            self._short = True
            self._log.warning("New connections have to wait: %s, the limit is %d", why, descriptors.limit())
        self._relieve()
        self._loop.remove_handler(self._listener)
        self._resting = self._loop.call_later(REST, self._start)
