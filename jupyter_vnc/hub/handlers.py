"""The routes that only the service has: the instructor's room, and a sign of life."""

from __future__ import annotations

from typing import Final, cast

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from tornado import web

from jupyter_vnc.exceptions import NotPermitted
from jupyter_vnc.handlers import VNCAPIHandler, VNCHandler, vnc_errors
from jupyter_vnc.pages import VNCPageHandler
from jupyter_vnc.routes import Route

from .identity import HubVisitor


def _overseer(handler: VNCHandler) -> HubVisitor:
    """Return the visitor, if he looks after somebody.

    Raises:
        NotPermitted: he does not.
    """
    visitor = cast("HubVisitor", handler.visitor())
    if not visitor.looks_after_somebody:
        raise NotPermitted("This page is for those who look after a course.")
    return visitor


class RoomPage(VNCPageHandler):
    """``GET {root}room``: the course's sessions and machines."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Show the page; its script asks for what is in it."""
        _overseer(self)
        self.page("room.html")


class RoomHandler(VNCAPIHandler):
    """``GET {root}api/room``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the sessions and the machines that the visitor looks after."""
        self.answer(await self.broker.room.rows(_overseer(self)))


class HealthHandler(web.RequestHandler):
    """``GET {root}health``: for whoever watches the service; says that it answers, and nothing else."""

    @allow_unauthenticated
    def get(self) -> None:
        """Answer."""
        self.set_header("Cache-Control", "no-store")
        self.finish({"ok": True})


HUB_ROUTES: Final[list[Route]] = [
    (r"/room", RoomPage, {}),
    (r"/api/room", RoomHandler, {}),
    (r"/health", HealthHandler, {}),
]
