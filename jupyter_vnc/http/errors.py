"""How a request that failed is logged."""

from __future__ import annotations

from types import TracebackType

from tornado import web
from tornado.log import app_log, gen_log

from jupyter_vnc.system.logs import one_line


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
        elif message := value.get_message():
            one_line(gen_log).warning("%d %s: %s", value.status_code, request, message)
