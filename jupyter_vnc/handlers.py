"""The HTTP routes: authenticate, call the broker, serialise. Every rule is the broker's."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from jupyter_core.paths import is_hidden
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import ApiPath, to_os_path, url_path_join
from tornado import web
from tornado.httputil import HTTPHeaders

from .broker.broker import VNCBroker
from .exceptions import InvalidTarget, LimitExceeded, OriginRefused, VNCError, quote_remote
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


class TargetsHandler(VNCAPIHandler):
    """``GET api/targets``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the targets that the user may view."""
        self.answer(await self.broker.list_targets(self.visitor()))


class ViewersHandler(VNCAPIHandler):
    """``GET api/targets/{name}/viewers``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str, owner: str = "") -> None:
        """List the sessions on a desktop."""
        self.answer(await self.broker.list_viewers(self.visitor(), name, owner))


class TokensHandler(VNCAPIHandler):
    """``POST api/tokens``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Issue a token for one target."""
        body = self.body()
        wanted = body.get("target"), body.get("mode"), body.get("takeover", False), body.get("owner", "")
        issued, mode = await self.broker.issue(self.visitor(), *wanted)
        answer = {"token": issued.token, "expires_in": issued.expires_in, "target": body["target"], "mode": mode.value}
        self.answer({**answer, "websocket": url_path_join(self.vnc_root, "ws")}, 201)


class FramesHandler(VNCAPIHandler):
    """``POST api/frames``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Issue a ticket for one frame; see :mod:`~jupyter_vnc.broker.framing`."""
        body = self.body()
        issued = await self.broker.frames.issue(self.visitor(), body["target"])
        page = url_path_join(self.vnc_root, "view", quote(body["target"]), "frame", issued.token)
        self.answer({"page": page, "target": body["target"], "expires_in": issued.expires_in}, 201)


class SessionsHandler(VNCAPIHandler):
    """``GET api/sessions``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the user's live sessions."""
        self.answer(self.broker.list_sessions(self.visitor()))


class SessionHandler(VNCAPIHandler):
    """``DELETE api/sessions/{id}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, session_id: str) -> None:
        """End a session."""
        self.broker.end(session_id, self.visitor())
        self.set_status(204)


class MessagesHandler(VNCAPIHandler):
    """``POST api/sessions/{id}/messages``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self, session_id: str) -> None:
        """Show a message in the viewer of a session."""
        body = self.body()
        self.broker.send_message(self.visitor(), session_id, body["text"])
        self.set_status(204)


class LeaseHandler(VNCAPIHandler):
    """``POST`` and ``DELETE api/leases/{target}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self, name: str) -> None:
        """Keep the user's machine of a pool."""
        body = self.body()
        if body["action"] == "keep":
            await self.broker.keep(self.visitor(), name)
        self.set_status(204)

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, name: str) -> None:
        """Release the user's machine of a pool."""
        await self.broker.release(self.visitor(), name)
        self.set_status(204)


class OthersLeaseHandler(VNCAPIHandler):
    """``DELETE api/leases/{target}/of/{user}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, name: str, owner: str) -> None:
        """Release another user's machine of a pool."""
        await self.broker.release(self.visitor(), name, owner)
        self.set_status(204)


class DesktopsHandler(VNCAPIHandler):
    """``GET api/desktops``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the user's managed desktops."""
        self.answer(await self.broker.desktops.list(self.visitor()))


class DesktopHandler(VNCAPIHandler):
    """``POST`` and ``DELETE api/desktops/{name}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self, name: str) -> None:
        """Start or restart a managed desktop; responds when it is ready."""
        body = self.body()
        await self.broker.desktops.start(self.visitor(), name, restart=body["action"] == "restart")
        rows = await self.broker.desktops.list(self.visitor())
        self.answer(next((row for row in rows if row["name"] == name), {}))

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, name: str) -> None:
        """Stop a managed desktop."""
        await self.broker.desktops.stop(self.visitor(), name)
        self.set_status(204)


class DesktopOpenHandler(VNCAPIHandler):
    """``POST api/desktops/{name}/open``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self, name: str) -> None:
        """Open a file that the file browser shows on a managed desktop; responds when an application has opened it."""
        body = self.body()
        await self.broker.desktops.open_file(self.visitor(), name, lambda: self._file(body["path"]))
        self.set_status(204)

    def _file(self, path: str) -> Path:
        """Resolve a path of the file browser: below the server's root, and not hidden.

        Raises:
            web.HTTPError: 404, it does not exist; 400, the server's files are not on its disk.
        """
        manager = self.contents_manager
        root = getattr(manager, "root_dir", "")
        if not root:
            raise web.HTTPError(400, "The files of this server are not on its disk.")
        file = _below(root, path)
        if file is None or (is_hidden(str(file), str(Path(root).resolve())) and not manager.allow_hidden):
            raise web.HTTPError(404, f"There is no file {quote_remote(path)!r}.".replace("%", "%%"))
        return file


def _below(root: str, path: str) -> Path | None:
    """Return the file of a path below a root; None if it does not exist or cannot be opened."""
    try:
        file = Path(to_os_path(ApiPath(path.strip("/")), root)).resolve()
        return file if file.is_relative_to(Path(root).resolve()) and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        # A name that is too long or contains a NUL, an inaccessible folder, a loop of links.
        return None


class DesktopLogHandler(VNCAPIHandler):
    """``GET api/desktops/{name}/log``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str) -> None:
        """Show the end of a managed desktop's log, as text."""
        text = await self.broker.desktops.log(self.visitor(), name)
        self.finish(text, set_content_type="text/plain; charset=utf-8")
