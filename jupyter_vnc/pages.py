"""Our own pages: the list of desktops and the standalone viewer, with the files that they need."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_vnc import __version__

from .escaping import quote_remote
from .exceptions import OriginRefused, TargetNotFound
from .handlers import VNCHandler, vnc_errors
from .http import headers


class VNCPageHandler(VNCHandler):
    """HTML pages: nothing inline."""

    own_policy = headers.PAGE_POLICY

    @property
    def allow_option(self) -> str:
        """The line of this host's configuration that permits an origin, as a template."""
        return str(self.settings.get("vnc_allow_option", "c.ServerApp.allow_origin = %s"))

    def page(self, template: str, **values: Any) -> None:
        """Render a page; reading ``xsrf_token`` also sets the cookie that its script sends back."""
        self.xsrf_token  # noqa: B018
        template_environment = self.settings["vnc_templates"]
        home = self.settings.get("vnc_home", self.base_url)
        host = quote_remote(self.request.headers.get("Host", ""))
        values = {"root": self.vnc_root, "home": home, "version": __version__, "asked_as": host, **values}
        self.finish(template_environment.get_template(template).render(**values))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Show an error without a script, because a proxy might keep scripts away."""
        error = getattr(kwargs.get("exc_info", (None, None))[1], "vnc_error", None)
        if isinstance(error, OriginRefused):
            page = self.settings["vnc_templates"].get_template("origin.html")
            self.finish(page.render(root=self.vnc_root, host=error.host, origin=error.origin, option=self.allow_option))
        else:
            super().write_error(status_code, **kwargs)


class ListPage(VNCPageHandler):
    """``GET {root}``: the user's desktops."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Show the list, or instructions if it is empty."""
        visitor = self.visitor()
        targets = await self.broker.list_targets(visitor)
        room = visitor.oversees_somebody
        problems = self.broker.problems if visitor.administers else []
        overseen = self.broker.hands.there() and self.broker.hands.looks() and bool(targets)
        managed, configures = self.broker.managed_desktops, visitor.configures
        # Of a service that starts no desktops, users should learn nothing of its machine.
        wanted = not targets and managed and configures
        advice = {
            "help": "" if targets else self.broker.advice,
            "configures": configures,
            "managed": managed,
            "manages": visitor.manages_targets,
            "report": await asyncio.to_thread(self.broker.examine) if wanted else None,
        }
        self.page("list.html", targets=targets, room=room, problems=problems, overseen=overseen, **advice)


#: For a frame that we do not permit: it has an opaque origin, so that the page around it can read nothing, not even a
#: cookie, and it loads nothing. A link in it opens a tab.
_SANDBOX: Final = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"


class ViewPage(VNCPageHandler):
    """``GET {root}view/{target}``: the standalone viewer; reads nothing from the query string."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str, owner: str = "", server: str | None = None) -> None:
        """Show the viewer of one target, of the visitor or of a user whom they oversee; with a server, in that one."""
        target = await self.broker.public_target(self.visitor(), name, owner, server)
        if self._is_in_our_frame() and not headers.permits_own_frames(self.content_security_policy):
            self.ask_for_a_new_frame(name, owner, server)
        else:
            self.view(target, owner=owner, server=server)

    def view(self, target: dict[str, Any], *, owner: str = "", server: str | None = None, framed: bool = False) -> None:
        """Show the viewer of a target."""
        values = {"owner": owner, "server": server, "framed": framed, "viewer_json": json.dumps(target["viewer"])}
        self.page("viewer.html", target=target, **values)

    def permit_frame(self, policy: str) -> None:
        """Let pages of this origin frame this answer; ``policy`` applies otherwise."""
        self.set_header("Content-Security-Policy", headers.permit_own_frames(policy))
        self.clear_header("X-Frame-Options")

    def ask_for_a_new_frame(self, name: str, owner: str = "", server: str | None = None) -> None:
        """Show instructions in a frame that shows nothing of the desktop; any page of this origin may embed it."""
        self.permit_frame(headers.merge(self.content_security_policy, _SANDBOX))
        whose = ["of", quote(owner, safe="")] if owner else []
        whose += ["server", quote(server, safe="")] if server is not None else []
        href = url_path_join(self.vnc_root, "view", quote(name), *whose)
        self.finish(self.settings["vnc_templates"].get_template("frame.html").render(href=href))

    def _is_in_our_frame(self) -> bool:
        """Whether the browser reports a frame in a page of this origin; many browsers report nothing without TLS."""
        asked = self.request.headers.get("Sec-Fetch-Dest", ""), self.request.headers.get("Sec-Fetch-Site", "")
        return asked in {(kind, "same-origin") for kind in ("iframe", "frame", "object", "embed")}


class OldLink(VNCPageHandler):
    """``GET {base_url}desktop/``: where jupyter-remote-desktop-proxy has its desktop."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Lead to the target ``desktop``, otherwise to the first managed one; nothing of the query string is passed on.

        A ``token`` in it has logged the browser in by now.
        """
        rows = await self.broker.list_targets(self.visitor())
        names = [row["name"] for row in rows if row["name"] == "desktop" or row["managed"]]
        if not names:
            raise TargetNotFound
        name = "desktop" if "desktop" in names else names[0]
        self.redirect(url_path_join(self.vnc_root, "view", quote(name)))


class FramePage(ViewPage):
    """``GET {root}view/{target}/frame/{ticket}``: the same viewer, in a frame of a notebook."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str, ticket: str) -> None:
        """Show the viewer if the ticket is good, and what to do if not."""
        visitor = self.visitor()
        target = await self.broker.public_target(visitor, name)
        if await self.broker.frames.spend(visitor, name, ticket):
            self.permit_frame(self.content_security_policy)
            self.view(target, framed=True)
        elif headers.permits_own_frames(self.content_security_policy):
            self.view(target, framed=True)
        else:
            self.ask_for_a_new_frame(name)


class NotFound(VNCPageHandler):
    """``GET {root}…``: any other path.

    Jupyter's own page for that takes bodies of any length, and fails at a path that is not UTF-8.
    """

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, path: str) -> None:
        """Respond with 404."""
        raise web.HTTPError(404)


class PartOfPage(VNCHandler):
    """What a page loads by itself: scripts, style sheets, pictures. It is only read."""

    def check_origin(self, origin_to_satisfy_tornado: str = "") -> bool:
        """Check as usual, but accept a request that the browser marks as same-origin.

        No page can forge that. Behind a proxy that changes ``Host`` the viewer's script must load nevertheless, because
        it reports the problem.
        """
        same = self.request.headers.get("Sec-Fetch-Site") == "same-origin"
        return same or bool(super().check_origin(origin_to_satisfy_tornado))

    def check_xsrf_cookie(self) -> None:
        """Check nothing: these files are only read.

        JupyterHub requires a header for each request that is not a navigation, and the browser sends none for a page's
        scripts and pictures. ``Cross-Origin-Resource-Policy`` keeps other origins from showing them.
        """


class TargetIcon(PartOfPage):
    """``GET {root}api/targets/{target}/icon``: the picture that an administrator has given a target."""

    #: Polling must not keep a server from being culled, nor what it shows.
    _track_activity = False
    own_policy = headers.PICTURE_POLICY

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str) -> None:
        """Show the picture; another one has another URL, so the browser may keep this one for a day."""
        picture = await self.broker.picture(self.visitor(), name)
        self.set_header("Content-Type", picture.media_type)
        self.set_header("Cache-Control", "private, max-age=86400")
        self.finish(picture.data)


class StaticFiles(PartOfPage, web.StaticFileHandler):
    """``GET {root}static/…``: our scripts and noVNC, with types that do not depend on the machine."""

    def initialize(self, *, path: str, route: str = "") -> None:  # type: ignore[override]
        """Pass the folder to tornado."""
        super().initialize(route=route, path=path)

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

    def set_headers(self) -> None:
        """Let the browser cache these public files: permanently with ``?v=``, otherwise with revalidation."""
        self.set_header("Cache-Control", "no-cache")
        super().set_headers()

    def get_content_type(self) -> str:
        """Return the type from our own table: browsers refuse modules whose type is wrong."""
        return self._TYPES.get(Path(str(self.absolute_path)).suffix, "text/plain")
