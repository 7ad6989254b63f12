"""The routes that only the service has: registered targets, course room, uplink, looks, and two for monitoring."""

from __future__ import annotations

import hmac
import re
from typing import Any, Final, cast

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from tornado import web

from jupyter_vnc.broker.course_room import absent
from jupyter_vnc.exceptions import NotPermitted
from jupyter_vnc.handlers import VNCAPIHandler, VNCHandler, vnc_errors
from jupyter_vnc.model.credentials import Secret
from jupyter_vnc.pages import ViewPage, VNCPageHandler
from jupyter_vnc.routes import NAME, PERSON, SERVER, Route

from .attendance import ATTENDANCE_ROUTES
from .identity import HubVisitor
from .metrics import CONTENT_TYPE, ServiceMetrics
from .protected import Protected
from .registry.maintenance import MACHINE_ROUTES
from .registry.transfers import REGISTRY_ROUTES
from .uplink.handler import Uplink
from .uplink.look_socket import LookSocket
from .visits import VISIT_ROUTES

#: How a request shows a token.
_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)


def _overseer(handler: VNCHandler) -> HubVisitor:
    """Return the visitor, if they are an instructor.

    Raises:
        NotPermitted: they are not.
    """
    visitor = cast("HubVisitor", handler.visitor())
    if not visitor.oversees_somebody:
        raise NotPermitted("This page is for instructors.")
    return visitor


class RoomPage(VNCPageHandler):
    """``GET {root}room``: the course's sessions and machines."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Show the page; its script loads the content."""
        _overseer(self)
        self.page("room.html")


class RoomHandler(VNCAPIHandler):
    """``GET {root}api/room``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the sessions and the machines that the visitor oversees, and who is absent."""
        visitor = _overseer(self)
        room = await self.broker.room.rows(visitor)
        self.answer(room | {"absent": absent(room, await visitor.members())})


class WallHandler(VNCAPIHandler):
    """``POST {root}api/room/wall``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Keep the visitor's wall open, and answer with the pictures that are new on it."""
        visitor = _overseer(self)
        body = self.body()
        stamps = {one["process"]: one["stamp"] for one in body["stamps"]}
        self.answer(self.broker.walls.watch(visitor, stamps))


class AttentionHandler(VNCAPIHandler):
    """``POST {root}api/room/attention``."""

    #: The most desktops, with names of a usual length.
    max_admitted = 64 * 1024

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Hold the input at desktops for a while, or lift that."""
        visitor = _overseer(self)
        body = self.body()
        text, again = body.get("text", "").strip(), body.get("again", False)
        self.answer(self.broker.attention.ask(visitor, body["desktops"], text, on=body["hold"], again=again))


class HealthHandler(Protected):
    """``GET {root}health``: for monitoring; reports only that the service responds."""

    @allow_unauthenticated
    def get(self) -> None:
        """Answer."""
        self.finish({"ok": True})


class MetricsHandler(VNCAPIHandler):
    """``GET {root}metrics``: for Prometheus, with a token of its own, and for admins of the hub."""

    _by_token = False

    async def _admit(self, **kwargs: Any) -> None:
        """Ask neither the hub nor a cookie for a login, if the request has the token."""
        self._by_token = self._has_token()
        if self._by_token:
            self.current_user = self._jupyter_current_user = None
        else:
            await super()._admit(**kwargs)

    def _has_token(self) -> bool:
        expected: Secret | None = self.settings["vnc_metrics_token"]
        sent = _BEARER.fullmatch(self.request.headers.get("Authorization", ""))
        if expected is None or sent is None:
            return False
        return hmac.compare_digest(sent[1].encode("utf-8", "replace"), expected.reveal().encode())

    @vnc_errors
    async def get(self) -> None:
        """Answer with all metrics of this process."""
        if not self._by_token:
            await self._check_admin()
        metrics: ServiceMetrics = self.settings["vnc_metrics"]
        self.finish(metrics.text(), set_content_type=CONTENT_TYPE)

    @authorized
    async def _check_admin(self) -> None:
        if not cast("HubVisitor", self.visitor()).configures:
            raise NotPermitted("Metrics are for admins of the hub.")


class NotFoundPage(VNCPageHandler):
    """Any other path of the service: tornado's own 404 would have no policy at all."""

    async def prepare(self, **kwargs: Any) -> None:
        """Refuse without authentication, so that no cookie is set.

        Raises:
            web.HTTPError: always, 404.
        """
        raise web.HTTPError(404)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Show our error page."""
        page = self.settings["vnc_templates"].get_template("error.html")
        words = {"status_code": status_code, "status_message": "There is no such page."}
        self.finish(page.render(base_url=self.base_url, **words))


HUB_ROUTES: Final[list[Route]] = [
    *REGISTRY_ROUTES,
    *MACHINE_ROUTES,
    *VISIT_ROUTES,
    *ATTENDANCE_ROUTES,
    (r"/room", RoomPage, {}),
    (r"/api/room", RoomHandler, {}),
    (r"/api/room/wall", WallHandler, {}),
    (r"/api/room/attention", AttentionHandler, {}),
    (rf"/view/{NAME}/of/{PERSON}/server/{SERVER}", ViewPage, {}),
    (r"/uplink", Uplink, {}),
    (r"/looks", LookSocket, {}),
    (r"/health", HealthHandler, {}),
    (r"/metrics", MetricsHandler, {}),
]
