"""How a request that failed is logged."""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType

from tornado import web
from tornado.log import app_log, gen_log

from jupyter_vnc.system.logs import LineLimiter, one_line

#: Lines about 429: a class that is refused retries.
_refusals = LineLimiter()


def due(status: int, line: str) -> str | None:
    """Return what to append to a line about a failed request; None if it is left out, like others of its kind."""
    return _refusals.due(line) if status == HTTPStatus.TOO_MANY_REQUESTS else ""


class LoggedErrors(web.RequestHandler):
    """Names a request by its path; tornado's own line has the whole address.

    In a query may be a token of Jupyter's or a code of the hub's, and in an address a byte that begins a line or an
    escape sequence on a terminal (0x80 to 0x9F).
    """

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log what a method of the request has raised."""
        request = f"{self.request.method} {self.request.path} ({self.request.remote_ip})"
        if not isinstance(value, web.HTTPError):
            one_line(app_log).error("Uncaught exception %s", request, exc_info=value)
        elif (message := value.get_message()) and (more := due(value.status_code, message)) is not None:
            one_line(gen_log).warning("%d %s: %s%s", value.status_code, request, message, more)
