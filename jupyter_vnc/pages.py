"""The pages of our own: the list of desktops and the standalone viewer, with the files that they need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_vnc import __version__

from .handlers import VNCHandler, vnc_errors

#: Nothing but our own files: no inline script or style, no frame but Jupyter's own pages.
PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    )
)


class VNCPageHandler(VNCHandler):
    """HTML pages: never cached, never framed by strangers, nothing inline."""

    @property
    def content_security_policy(self) -> str:
        """See :data:`PAGE_POLICY`."""
        return PAGE_POLICY

    def page(self, template: str, **values: Any) -> None:
        """Render a page; reading ``xsrf_token`` also sets the cookie that its script sends back."""
        self.xsrf_token  # noqa: B018
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        template_environment = self.settings["vnc_templates"]
        home = self.settings.get("vnc_home", self.base_url)
        values = {"root": self.vnc_root, "home": home, "version": __version__, **values}
        self.finish(template_environment.get_template(template).render(**values))


class ListPage(VNCPageHandler):
    """``GET {root}``: the user's desktops."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Show the list, or what to do to have one."""
        visitor = self.visitor()
        targets = await self.broker.list_targets(visitor)
        room = visitor.looks_after_somebody
        self.page("list.html", targets=targets, room=room, help="" if targets else self.broker.advice)


class ViewPage(VNCPageHandler):
    """``GET {root}view/{target}``: the standalone viewer; reads nothing from the query string."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str, owner: str = "") -> None:
        """Show the viewer of one target, of the visitor's own or of somebody whom he oversees."""
        target = await self.broker.public_target(self.visitor(), name, owner)
        self.page("viewer.html", target=target, owner=owner, viewer_json=json.dumps(target["viewer"]))


class StaticFiles(VNCHandler, web.StaticFileHandler):
    """``GET {root}static/…``: our scripts and noVNC, with types that do not depend on the machine."""

    def check_xsrf_cookie(self) -> None:
        """Check nothing: files that are everybody's are only read.

        A hub wants a header with each read that a browser does not call navigation, and a script that a page names
        cannot have one.
        """

    _TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}

    @web.authenticated
    @authorized
    async def get(self, path: str, include_body: bool = True) -> None:  # type: ignore[override]
        """Serve a file; ``?v=`` lets the browser keep it."""
        await web.StaticFileHandler.get(self, path, include_body)

    @web.authenticated
    @authorized
    async def head(self, path: str) -> None:  # type: ignore[override]
        """Serve a file's headers."""
        await web.StaticFileHandler.get(self, path, include_body=False)

    def get_content_type(self) -> str:
        """Return the type by our own table: the system's may be wrong, and a module of a wrong type does not run."""
        return self._TYPES.get(Path(str(self.absolute_path)).suffix, "text/plain")
