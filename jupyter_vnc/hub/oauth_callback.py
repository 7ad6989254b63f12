"""Where the hub sends whoever has logged in, and what they see if the login cannot end."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyterhub.singleuser.extension import JupyterHubOAuthCallbackHandler
from tornado import web
from tornado.httputil import HTTPHeaders

import jupyter_vnc
from jupyter_vnc.http import headers

from .protected import Protected

#: Longest value in the address (characters); a state of ours has at most a thousand.
MAX_VALUE: Final = 4096

_EXPIRED: Final = "This login has expired, or was begun in another browser. Open the list of desktops to log in again."
_REFUSED: Final = "The hub did not confirm this login. Open the list of desktops to log in again."


@cache
def _style() -> tuple[str, str]:
    """Return the style sheet of our pages, and the policy under which only a page that has it inline shows it.

    Our files are only for those who are logged in, and asking for one begins a login.
    """
    style = (Path(jupyter_vnc.__file__).parent / "static" / "viewer" / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return style, f"{headers.DATA_POLICY}; style-src 'sha256-{digest}'"


class OAuthCallback(Protected, JupyterHubOAuthCallbackHandler):  # type: ignore[misc]
    """``GET {root}oauth_callback``: JupyterHub's own handler, with our error page."""

    @allow_unauthenticated
    async def get(self) -> None:
        """End the login.

        Raises:
            web.HTTPError: 400, the hub has sent no such address; 403, the browser has begun no such login; 500, the hub
                takes no such code.
        """
        # JupyterHub's handler logs what it is sent.
        if any(len(value) > MAX_VALUE for name in self.request.arguments for value in self.request.arguments[name]):
            raise web.HTTPError(HTTPStatus.BAD_REQUEST)
        await super().get()  # type: ignore[misc]  # tornado has one type for all handlers

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Show our error page: a sentence, and a link to the list."""
        style, policy = _style()
        host = HTTPHeaders(self.settings.get("headers", {})).get("Content-Security-Policy", "")
        self.set_header("Content-Security-Policy", headers.restrict(host, policy, otherwise="'none'"))
        message = _REFUSED if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else _EXPIRED
        page = self.settings["vnc_templates"].get_template("error.html")
        base = self.settings["base_url"]
        self.finish(page.render(base_url=base, style=style, status_code=status_code, message=message))
