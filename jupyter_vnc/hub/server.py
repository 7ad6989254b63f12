"""The HTTP server of the service: limits on unauthenticated clients.

All clients connect through one proxy, so addresses do not identify them: the limits are on requests, and on the memory
for incomplete ones. When too many are incomplete, the oldest is closed. A browser sends a request at once; a slow
client occupies a place for a minute at most.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine

from jupyter_vnc.http.incoming import BODY_TIMEOUT, MAX_DRAINED
from jupyter_vnc.system import descriptors
from jupyter_vnc.system.logs import get_logger

from .acceptor import Acceptor

log = get_logger(__name__)

#: Largest head of a request (bytes); it contains the cookies of the hub and its neighbours.
MAX_HEAD: Final = 32 * 1024
#: Timeout for receiving a head, and for idle connections (seconds). Proxies give up sooner.
HEAD_TIMEOUT: Final = 75.0
#: Maximum of connections without a complete request.
MAX_WAITING: Final = 512
#: The part of the open files that those may take.
_PART: Final = 4
_LEAST: Final = 64
#: Limit of open files that the service requests where there is no hard one.
FILES: Final = 16_384


class BoundedServer(HTTPServer):
    """Tornado's server with the limits of this module.

    Args:
        longest_message: of a viewer's websocket (bytes); everything else that is read is shorter.
    """

    def initialize(self, request_callback: Any, *, longest_message: int, **options: Any) -> None:  # type: ignore[override]
        """See the class."""
        self._waiting: dict[object, None] = {}
        super().initialize(
            request_callback,
            max_body_size=MAX_DRAINED,
            body_timeout=BODY_TIMEOUT,
            max_header_size=MAX_HEAD,
            idle_connection_timeout=HEAD_TIMEOUT,
            max_buffer_size=longest_message + 1024 * 1024,
            **options,
        )

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept the connections of these sockets; see :mod:`~jupyter_vnc.hub.acceptor`."""
        for listener in sockets:
            self._sockets[listener.fileno()] = listener
            acceptor = Acceptor(listener, self._handle_connection, self._close_oldest, log)
            self._handlers[listener.fileno()] = acceptor.stop

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Begin to wait for a request, new or the next one of a connection."""
        self._waiting.pop(server_conn, None)
        self._waiting[server_conn] = None
        if len(self._waiting) > min(MAX_WAITING, max(_LEAST, descriptors.limit() // _PART)):
            self._close_oldest()
        return _Told(super().start_request(server_conn, request_conn), lambda: self._came(server_conn))

    def on_close(self, server_conn: object) -> None:
        """Forget a connection."""
        self._came(server_conn)
        super().on_close(server_conn)

    def _came(self, server_conn: object) -> None:
        self._waiting.pop(server_conn, None)

    def _close_oldest(self) -> None:
        oldest = next(iter(self._waiting), None)
        self._came(oldest)
        if isinstance(oldest, HTTP1ServerConnection):
            oldest.stream.close()


class _Told(HTTPMessageDelegate):
    """Passes a request on, and reports when it is complete."""

    def __init__(self, to: HTTPMessageDelegate, came: Callable[[], None]) -> None:
        self._to = to
        self._came = came

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        return self._to.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._to.data_received(chunk)

    def finish(self) -> None:
        self._came()
        self._to.finish()

    def on_connection_close(self) -> None:
        self._to.on_connection_close()
