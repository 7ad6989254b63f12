"""Every route, relative to the path that a host chooses; ``rest-api.yml`` says what each does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from . import api, pages
from .handlers import VNCHandler
from .stream_socket import StreamWebSocket
from .websocket import VNCWebSocket

_HERE: Final = Path(__file__).parent

#: A target's name, in a route.
NAME: Final = r"([A-Za-z0-9][A-Za-z0-9._-]*)"
#: The name of a machine of a pool.
MACHINE: Final = r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})"
#: A user's name, percent-encoded: it may be an email address or contain other characters.
PERSON: Final = r"([^/]+)"
#: The name of a server of a user, empty for the default one.
SERVER: Final = r"([^/]*)"

#: The name of a link with which a server is shared, as the hub has it; it is not the link's code.
LINK: Final = r"(sc_[0-9]{1,18})"

#: A ticket for a frame, in a route.
TICKET: Final = r"([A-Za-z0-9_-]{43})"

Route = tuple[str, type, dict[str, Any]]

#: Routes for notebooks: only in the server that they belong to.
NOTEBOOK_ROUTES: Final[list[Route]] = [
    (r"/api/frames", api.FramesHandler, {}),
    (rf"/view/{NAME}/frame/{TICKET}", pages.FramePage, {}),
]

ROUTES: Final[list[Route]] = [
    *NOTEBOOK_ROUTES,
    (r"/?", pages.ListPage, {}),
    (rf"/view/{NAME}", pages.ViewPage, {}),
    (rf"/view/{NAME}/of/{PERSON}", pages.ViewPage, {}),
    (r"/api/targets", api.TargetsHandler, {}),
    (rf"/api/targets/{NAME}/icon", pages.TargetIcon, {}),
    (rf"/api/targets/{NAME}/viewers", api.ViewersHandler, {}),
    (rf"/api/targets/{NAME}/viewers/of/{PERSON}", api.ViewersHandler, {}),
    (r"/api/tokens", api.TokensHandler, {}),
    (r"/api/sessions", api.SessionsHandler, {}),
    (r"/api/sessions/([0-9a-f]{16})", api.SessionHandler, {}),
    (r"/api/sessions/([0-9a-f]{16})/messages", api.MessagesHandler, {}),
    (rf"/api/leases/{NAME}", api.LeaseHandler, {}),
    (rf"/api/leases/{NAME}/of/{PERSON}", api.OthersLeaseHandler, {}),
    (r"/api/desktops", api.DesktopsHandler, {}),
    (rf"/api/desktops/{NAME}", api.DesktopHandler, {}),
    (rf"/api/desktops/{NAME}/open", api.DesktopOpenHandler, {}),
    (rf"/api/desktops/{NAME}/windows", api.DesktopWindowsHandler, {}),
    (rf"/api/desktops/{NAME}/focus", api.DesktopFocusHandler, {}),
    (rf"/api/desktops/{NAME}/log", api.DesktopLogHandler, {}),
    (r"/static/(.+)", pages.StaticFiles, {"path": str(_HERE / "static")}),
    (r"/ws", VNCWebSocket, {}),
    (r"/stream", StreamWebSocket, {}),
    (r"/(.+)", pages.NotFound, {}),
]

#: Links to jupyter-remote-desktop-proxy's desktop, below Jupyter's own path.
OLD_LINKS: Final[list[Route]] = [(r"/desktop/?", pages.OldLink, {})]

#: The parameters of the REST contract, by the pattern of a route.
_IN_CONTRACT: Final = {
    r"/sessions/([0-9a-f]{16})": "/sessions/{id}",
    NAME: "{target}",
    MACHINE: "{machine}",
    PERSON: "{user}",
    SERVER: "{server}",
    TICKET: "{ticket}",
    LINK: "{link}",
    "(.+)": "{file}",
}


def in_contract(pattern: str) -> str:
    """Return a route's pattern as ``rest-api.yml`` writes it: ``/view/{target}``."""
    path = pattern.removesuffix("?")
    for regex, name in _IN_CONTRACT.items():
        path = path.replace(regex, name)
    return path


def below(path: str, routes: list[Route] = ROUTES) -> list[Route]:
    """Put routes below a path, which has no slash at its end, and pass our handlers the name of their route."""
    return [
        (path + pattern, kind, {**options, "route": in_contract(pattern)} if issubclass(kind, VNCHandler) else options)
        for pattern, kind, options in routes
    ]


@cache
def page_templates() -> jinja2.Environment:
    """Return our own pages' templates, the same for every server of a process; values in them are escaped."""
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True)
    # Compiled now, so that the first request does not wait for it.
    templates.get_template("viewer.html")
    return templates
