"""Requests before authentication: bodies are limited while they arrive.

Tornado passes a complete body to the handler, up to the limit of the *server*: in Jupyter
512 MiB, because notebooks are uploaded. No request of ours is longer than :data:`MAX_BODY`, so the handlers read the
body themselves: a longer one is refused by its announced length, or as soon as it is too long.
"""

from __future__ import annotations

from asyncio import Future
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from tornado import web
from tornado.http1connection import HTTP1Connection

from jupyter_vnc.exceptions import BodyTooLarge, VNCError

from .errors import LoggedErrors

#: Largest body of a request (bytes); the longest target name fits in.
MAX_BODY: Final = 2048
#: A body up to here (bytes) is read to its end before it is refused, so that the client gets the response.
MAX_DRAINED: Final = 16 * 1024
#: Timeout for receiving a body (seconds): it fits in one or two packets.
BODY_TIMEOUT: Final = 20.0


def http_error(error: VNCError) -> web.HTTPError:
    """Make the HTTP error of a broker's error."""
    answer = web.HTTPError(error.http_status, str(error).replace("%", "%%"), reason=error.reason)
    answer.vnc_error = error  # type: ignore[attr-defined]
    return answer


@web.stream_request_body
class BoundedRequest(LoggedErrors):
    """A request whose body is bounded in bytes and in time; mix it in before Jupyter's handlers.

    Attributes:
        max_body: the longest body (bytes).
        max_admitted: the longest one of somebody with a login, where that is more. Before the login is known, nothing
            beyond :data:`MAX_DRAINED` is read.
        raw_body: what has come of it; all, once the method of the request is called.
    """

    max_body = MAX_BODY
    max_admitted = 0

    def initialize(self, **options: Any) -> None:
        """Begin without a body, and replace headers that cannot be parsed."""
        super().initialize(**options)
        self.raw_body = bytearray()
        self._came = 0
        self._refusal: web.HTTPError | None = None
        self._unread = True
        self._repair("Origin", "null")
        self._repair("Referer", "")
        if "Cookie" in self.request.headers:
            self.request.headers["Cookie"] = ";".join(filter(_is_cookie, self.request.headers["Cookie"].split(";")))

    def _repair(self, header: str, instead: str) -> None:
        """Replace an invalid address: Jupyter's checks and its log would fail to parse it."""
        try:
            urlsplit(self.request.headers.get(header, "")).port  # noqa: B018 - reading is what fails
        except ValueError:
            self.request.headers[header] = instead

    def bound_body(self) -> None:
        """Call this first in ``prepare``: nothing of the body has been read by then.

        Raises:
            web.HTTPError: 413, it is announced to be longer than :attr:`max_body`.
        """
        connection = self.request.connection
        if isinstance(connection, HTTP1Connection):
            connection.set_body_timeout(BODY_TIMEOUT)
        length = self.request.headers.get("Content-Length", "")
        # Tornado refuses anything but a number before it reads on. Python parses no number of thousands of digits.
        most = max(self.max_body, self.max_admitted)
        if length.isdecimal() and (len(length) > 12 or int(length) > most):
            error = http_error(self._too_large())
            if len(length) > 12 or int(length) > MAX_DRAINED:
                raise error
            self.refuse(error)

    def admit_body(self) -> None:
        """Call this last in ``prepare``: from now on the body is read to its end before the request is answered."""
        self._unread = False
        if self.max_admitted and self._refusal is None:
            self.max_body = self.max_admitted
            if isinstance(self.request.connection, HTTP1Connection):
                self.request.connection.set_max_body_size(self.max_admitted)

    def finish(self, *chunk: Any, **options: Any) -> Future[None]:
        """Answer. After an answer that comes before the request was read, tornado closes the connection; say so.

        A proxy that has not been told sends its next request there, and answers 503 when it finds nobody.
        """
        if self._unread:
            self.set_header("Connection", "close")
        return super().finish(*chunk, **options)

    def refuse(self, error: web.HTTPError) -> None:
        """Refuse a request in ``prepare``, once its body has arrived; the first refusal counts.

        A client that is still sending when the connection is closed, as a proxy for a browser, may never see the
        response.

        Raises:
            web.HTTPError: the error, if no body follows.
        """
        length = self.request.headers.get("Content-Length", "")
        if not self._has_body or (length.isdecimal() and int(length[:12]) > MAX_DRAINED):
            raise error
        if self._refusal is None:
            self._refusal = error
            # Tornado calls the request's method next, whichever that is.
            setattr(self, (self.request.method or "").lower(), self._refuse)

    def _refuse(self, *_args: object, **_more: object) -> NoReturn:
        assert self._refusal is not None  # noqa: S101 - for the type checker
        raise self._refusal

    @property
    def _has_body(self) -> bool:
        headers = self.request.headers
        return "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0"

    def data_received(self, chunk: bytes) -> None:
        """Keep what comes, up to the limit; what is sent in chunks announces no length."""
        self._came += len(chunk)
        if self._came <= self.max_body:
            self.raw_body += chunk
            return
        self.raw_body.clear()
        error = http_error(self._too_large())
        self.refuse(error)
        if self._came > MAX_DRAINED:
            # Not raised, because tornado would log it as our error. Once there is a response, it reads no further.
            self.send_error(error.status_code, reason=error.reason, exc_info=(type(error), error, None))

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The request's body is over {self.max_body} bytes.")


def _is_cookie(text: str) -> bool:
    """Whether Python can parse it as a cookie header, as JupyterHub's check of the XSRF token does."""
    try:
        SimpleCookie(text)
    except CookieError:
        return False
    return True
