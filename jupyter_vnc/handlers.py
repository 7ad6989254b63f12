"""What all HTTP routes share: login, origin, headers, bodies, and errors as responses."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.httputil import HTTPHeaders

from .broker.broker import VNCBroker
from .exceptions import InvalidTarget, LimitExceeded, OriginRefused, VNCError
from .http import bodies, headers
from .http.errors import due
from .http.incoming import BoundedRequest, http_error
from .system.logs import one_line
from .visitor import JupyterVisitor

H = TypeVar("H", bound="VNCHandler")
P = ParamSpec("P")


class VNCHandler(BoundedRequest, JupyterHandler):
    """What all routes share: the broker, the visitor, bounded bodies, and errors as HTTP responses."""

    auth_resource = "vnc"

    def initialize(self, *, route: str = "", **options: Any) -> None:
        """Take the options of the handler in the table of routes: ``route`` as the REST contract writes it."""
        super().initialize(**options)
        self.route = route

    #: What a response of this kind may load and do; see :func:`~jupyter_vnc.http.headers.restrict`.
    own_policy = headers.DATA_POLICY

    @property
    def content_security_policy(self) -> str:
        """The host's policy and ours. In a hub nobody may frame, unless the administrator permits it."""
        options = HTTPHeaders(self.settings.get("headers", {})).get("X-Frame-Options", "")
        host, otherwise = super().content_security_policy, self.visitor_kind.may_frame
        return headers.restrict(host, self.own_policy, frame_options=options, otherwise=otherwise)

    def set_default_headers(self) -> None:
        """Set the headers of all responses, including errors and redirects."""
        super().set_default_headers()
        for name, value in headers.ALWAYS.items():
            self.set_header(name, value)

    async def prepare(self, **kwargs: Any) -> None:
        """Limit the body, then authenticate; a refusal waits for the end of a short body."""
        self.bound_body()
        try:
            await self._admit(**kwargs)
        except web.HTTPError as error:
            self.refuse(error)
        if not self._finished:
            self.admit_body()

    async def _admit(self, **kwargs: Any) -> None:
        """Authenticate, then refuse other sites' pages, even for reading: Jupyter checks that for its API only."""
        if any("\0" in part for part in self.path_args):
            raise web.HTTPError(404)
        try:
            await super().prepare(**kwargs)
        except web.HTTPError as error:
            # Jupyter's API responds to another origin with a bare 404.
            if error.status_code != 404 or self.check_origin():
                raise
            raise self._other_origin() from None
        if not self._finished and not self.check_origin():
            raise self._other_origin()

    def _other_origin(self) -> web.HTTPError:
        sent = self.request.headers
        return http_error(OriginRefused(sent.get("Host", ""), sent.get("Origin", "")))

    @property
    def log(self) -> Any:
        """The server's log, in which text of a request cannot start a new line."""
        return one_line(super().log)

    @property
    def template_namespace(self) -> dict[str, Any]:
        """What Jupyter's pages of errors are made of, without the server's token, which they have in them.

        In a hub it is the server's own: with it a guest, or another user's page in the owner's browser, is the owner.
        """
        return {**super().template_namespace, "token": ""}

    @property
    def broker(self) -> VNCBroker:
        """The broker of this server."""
        broker: VNCBroker = self.settings["vnc_broker"]
        return broker

    @property
    def vnc_root(self) -> str:
        """The path below which all routes are; the host may use a different one than Jupyter's."""
        return str(self.settings.get("vnc_root", url_path_join(self.base_url, "vnc/")))

    @property
    def visitor_kind(self) -> type[JupyterVisitor]:
        """What knows who asks; the host may know more of people than Jupyter does."""
        kind: type[JupyterVisitor] = self.settings["vnc_visitor"]
        return kind

    def visitor(self) -> JupyterVisitor:
        """Who asks."""
        return self.visitor_kind(self)

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object, checked against the REST contract of this route.

        Raises:
            MalformedRequest: it violates the contract; the message names the key.
        """
        return bodies.read(bytes(self.raw_body), self.route, self.request.method or "")

    #: Whether the log has the error of this request already.
    logged = False

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log an error, unless whoever raised it has done so, once for many requests."""
        self.logged = getattr(value, "logged", False)
        if not self.logged:
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Respond with Jupyter's error page."""
        self.begin_error(kwargs)
        super().write_error(status_code, **kwargs)

    def begin_error(self, kwargs: dict[str, Any]) -> VNCError | None:
        """Prepare an error response, first in every ``write_error``; return the broker's error, if it is one."""
        if not hasattr(self, "_jupyter_current_user"):
            # Refused before authentication; Jupyter's error page needs a user.
            self.current_user = self._jupyter_current_user = None
        error: VNCError | None = getattr(kwargs.get("exc_info", (None, None))[1], "vnc_error", None)
        if isinstance(error, LimitExceeded):
            self.set_header("Retry-After", str(max(1, math.ceil(error.retry_after))))
        return error


def vnc_errors(
    method: Callable[Concatenate[H, P], Awaitable[None]],
) -> Callable[Concatenate[H, P], Awaitable[None]]:
    """Turn a broker's error into the HTTP status that it carries; the log gets its detail."""

    @wraps(method)
    async def inner(self: H, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            await method(self, *args, **kwargs)
        except VNCError as error:
            if error.detail and (more := due(error.http_status, f"detail of {error}")) is not None:
                self.log.info("%s %s: %s%s", self.request.method, self.request.path, error.log_line, more)
            raise http_error(error) from None

    return inner


class VNCAPIHandler(VNCHandler, APIHandler):
    """JSON routes."""

    #: Polling must not keep a server from being culled.
    _track_activity = False

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Respond with ``message`` (for a person) and ``reason`` (for a program)."""
        error = self.begin_error(kwargs)
        if error is None:
            super().write_error(status_code, **kwargs)
            return
        self.set_header("Content-Type", "application/json")
        more = {"errors": error.errors} if isinstance(error, InvalidTarget) else {}
        self.finish(json.dumps({"message": str(error), "reason": error.reason, **more}))

    def answer(self, body: Any, status: int = 200) -> None:
        """Respond with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))
