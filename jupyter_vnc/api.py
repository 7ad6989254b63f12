"""The routes of the REST interface: call the broker, and serialise. Every rule is the broker's."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from jupyter_core.paths import is_hidden
from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import ApiPath, to_os_path, url_path_join
from tornado import web

from .escaping import quote_remote
from .handlers import VNCAPIHandler, vnc_errors
from .model.targets import Mode
from .tokens import STREAM, VIDEO, IssuedToken


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
        self.answer(await self.broker.live.viewers(self.visitor(), name, owner))


class TokensHandler(VNCAPIHandler):
    """``POST api/tokens``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Issue a token for one target."""
        body = self.body()
        if (kind := body.get("kind")) in {STREAM, VIDEO}:
            beside = body.get("session", ""), body.get("owner", "")
            stream = await self.broker.streams.issue(self.visitor(), body["target"], *beside, kind=kind)
            self._grant(stream, Mode.VIEW, "stream")
            return
        wanted = body.get("target"), body.get("mode"), body.get("takeover", False), body.get("owner", "")
        issued, mode = await self.broker.issue(self.visitor(), *wanted, server=body.get("server"))
        self._grant(issued, mode, "ws")

    def _grant(self, issued: IssuedToken, mode: Mode, websocket: str) -> None:
        answer = {"token": issued.token, "expires_in": issued.expires_in, "mode": mode.value}
        where = {"target": self.body()["target"], "websocket": url_path_join(self.vnc_root, websocket)}
        self.answer({**answer, **where}, 201)


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
        self.answer(self.broker.live.rows(self.visitor()))


class SessionHandler(VNCAPIHandler):
    """``DELETE api/sessions/{id}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, session_id: str) -> None:
        """End a session."""
        self.broker.live.end(session_id, self.visitor())
        self.set_status(204)


class MessagesHandler(VNCAPIHandler):
    """``POST api/sessions/{id}/messages``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self, session_id: str) -> None:
        """Show a message in the viewer of a session."""
        body = self.body()
        self.broker.live.send_message(self.visitor(), session_id, body["text"], link=body.get("link", False))
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
            await self.broker.live.keep(self.visitor(), name)
        self.set_status(204)

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, name: str) -> None:
        """Release the user's machine of a pool."""
        await self.broker.live.release(self.visitor(), name)
        self.set_status(204)


class OthersLeaseHandler(VNCAPIHandler):
    """``DELETE api/leases/{target}/of/{user}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, name: str, owner: str) -> None:
        """Release another user's machine of a pool."""
        await self.broker.live.release(self.visitor(), name, owner)
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


class DesktopWindowsHandler(VNCAPIHandler):
    """``GET api/desktops/{name}/windows``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str) -> None:
        """List the windows of a managed desktop that runs."""
        self.answer(await self.broker.desktops.windows(self.visitor(), name))


class DesktopFocusHandler(VNCAPIHandler):
    """``POST api/desktops/{name}/focus``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self, name: str) -> None:
        """Give a window of a managed desktop the keys."""
        body = self.body()
        await self.broker.desktops.focus(self.visitor(), name, body["window"])
        self.set_status(204)


class DesktopLogHandler(VNCAPIHandler):
    """``GET api/desktops/{name}/log``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str) -> None:
        """Show the end of a managed desktop's log, as text."""
        text = await self.broker.desktops.log(self.visitor(), name)
        self.finish(text, set_content_type="text/plain; charset=utf-8")
