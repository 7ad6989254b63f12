"""The server extension: config in, running service out."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from jupyter_events.logger import EventLogger
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from traitlets import Bool, Instance, Unicode
from traitlets.config import Configurable

from .broker.audit import EVENT_SCHEMA_FILES, adopt_loggers
from .broker.broker import VNCBroker
from .broker.hands import is_own
from .broker.report import own_sessions, report
from .desktops.manager import DesktopManager
from .hub.share_handlers import SHARE_ROUTES
from .hub.uplink.deeds import holder_of
from .hub.uplink.server_end import Look, ServerEnd
from .hub.visitors import HubUserServerVisitor
from .model.sessions import Session
from .model.users import User
from .notebook.connection import CERTIFICATE, fingerprint
from .routes import OLD_LINKS, ROUTES, below, page_templates
from .sources.directory import DirectoryTargets
from .sources.websockify import WebsockifyTargets
from .system.files import read_text
from .visitor import JupyterVisitor

#: Ours are a tenth of it (bytes).
MAX_SCHEMA: Final = 65536


class VNCExtension(ExtensionApp):
    """Remote desktops in Jupyter."""

    name = "jupyter_vnc"
    app_name = "Jupyter VNC"
    description = "Remote desktops in Jupyter: one click, Jupyter's own login, no secret in the browser."
    load_other_extensions = True
    extension_url = "/vnc/"
    file_url_prefix = "/vnc/view"
    classes: list[type[Configurable]] = [VNCBroker, DesktopManager, WebsockifyTargets, DirectoryTargets]  # noqa: RUF012

    uplink = Bool(
        True,
        help="""In a user's server of a JupyterHub: whether the service of the hub is told which managed desktops run
        here, who has them on the screen and when the last input was, for the instructors of the user's courses, who can
        send messages and end sessions. Default True; without a hub or the service nothing is told to anybody.
        """,
    ).tag(config=True)

    uplink_url = Unicode(
        help="""The root of the service, such as ``https://hub.example.org/services/vnc/``, where the address that the
        hub has for it cannot be reached from users' servers. The server's token is sent there. Default: the hub is
        asked before each connection; if it names no service when the server starts, it is not asked again.
        """,
    ).tag(config=True)

    look_ins = Bool(
        True,
        help="""Whether instructors of the user's courses may look at the managed desktops that run here, from the
        course room; the user is told who looks and when. Default True; it needs ``uplink``.
        """,
    ).tag(config=True)

    look_in_control = Bool(
        True,
        help="""Whether instructors who look in may take control of these desktops, too: work there as the user does.
        Default True; it needs ``look_ins``.
        """,
    ).tag(config=True)

    broker = Instance(VNCBroker, allow_none=True)

    #: Reports to the hub's service; None without a hub.
    server_end: ServerEnd | None = None

    def initialize_settings(self) -> None:
        """Build the broker and hand it to the handlers."""
        self.broker = VNCBroker(parent=self)
        self.broker.on_activity = self._note_activity
        self.settings["vnc_broker"] = self.broker
        self.settings["vnc_visitor"] = self._visitor_kind
        self.settings["vnc_templates"] = page_templates()
        self._name_certificate()
        self._register_events()
        adopt_loggers(self.log)

    def _name_certificate(self) -> None:
        """Where Jupyter serves TLS itself, tell kernels and terminals which certificate it has."""
        os.environ.pop(CERTIFICATE, None)  # that of a server which started this one
        certificate = self.serverapp.certfile if self.serverapp is not None else ""
        if certificate:
            # Jupyter reports a file that it cannot use.
            with suppress(OSError, ValueError):
                os.environ[CERTIFICATE] = fingerprint(certificate)

    def initialize_handlers(self) -> None:
        """Register the routes."""
        # The last of the shared ones takes every other path.
        own = SHARE_ROUTES if self._visitor_kind is HubUserServerVisitor else []
        self.handlers.extend(below("/vnc", [*own, *ROUTES]))

    @property
    def _visitor_kind(self) -> type[JupyterVisitor]:
        """What knows those whom this server's login lets in."""
        assert self.serverapp is not None  # noqa: S101 - for the type checker
        known = HubUserServerVisitor.knows(self.serverapp.identity_provider)
        return HubUserServerVisitor if known else JupyterVisitor

    def _register_events(self) -> None:
        events: EventLogger | None = getattr(self.serverapp, "event_logger", None)
        if events is not None and self.broker is not None:
            for schema in EVENT_SCHEMA_FILES:
                events.register_event_schema(read_text(schema, MAX_SCHEMA))
            self.broker.audit.events = events

    def _note_activity(self) -> None:
        """Update the server's ``last_activity``: Jupyter reads all settings whose names end in it."""
        assert self.serverapp is not None  # noqa: S101 - for the type checker
        self.serverapp.web_app.settings["vnc_last_activity"] = datetime.now(UTC)

    def current_activity(self) -> dict[str, Any] | None:
        """Live sessions, for ``shutdown_no_activity``."""
        return self.broker.current_activity() if self.broker else None

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Once the event loop runs: give kernels a display; clean up after a server that was killed."""
        if self.broker is not None:
            if (owner := self._visitor_kind.owner(serverapp.identity_provider)) is not None:
                occupied = bool(os.environ.get("DISPLAY"))
                # Kernels and terminals get the server's own environment.
                await self.broker.desktops.offer_display(owner, os.environ.update, occupied=occupied)
            await self.broker.start()
            self._start_uplink(self.broker, serverapp)
        # Tornado asks the handlers in the order of their registration, and every extension has registered its own by
        # now: whoever has a page there keeps it.
        links = below(serverapp.base_url.rstrip("/"), OLD_LINKS)
        serverapp.web_app.add_handlers(".*$", links)  # type: ignore[no-untyped-call]

    def _start_uplink(self, broker: VNCBroker, serverapp: ServerApp) -> None:
        """In a user's server of a hub: begin to report to the service."""
        provider = serverapp.identity_provider
        owner = self._visitor_kind.owner(provider)
        if self.uplink and owner is not None and HubUserServerVisitor.knows(provider):
            self.server_end = ServerEnd(
                provider.hub_auth,  # type: ignore[attr-defined]
                self.uplink_url,
                lambda: report(
                    *(broker.desktop_manager, broker.registry, owner), looks=self.look_ins, control=self.look_in_control
                ),
                lambda: own_sessions(broker.desktop_manager, broker.registry, owner),
                broker.log,
                changed=self._follow_uplink,
                hold=holder_of(broker.attention.holds, owner),
                look=self._look_at(broker, owner) if self.look_ins else None,
            )
            broker.hands.seen = self._is_overseen
            broker.hands.looks = lambda: self.look_ins
            broker.hands.there = lambda: self.server_end is not None and self.server_end.connected
            broker.walls.shows = self._is_on_a_wall
            self.server_end.start()

    def _look_at(self, broker: VNCBroker, owner: User) -> Look:
        """Return what shows a desktop of the owner's to whoever the service names."""
        return lambda who, name, way, mode: broker.looks.serve(
            *(owner, name, who, way, mode), may_control=self.look_in_control
        )

    def _is_overseen(self, session: Session) -> bool:
        """Whether the instructors of its user see a session, as one of a managed desktop whose service is there."""
        there = self.server_end is not None and self.server_end.connected
        return there and is_own(session) and session.target.address.spec is not None

    def _is_on_a_wall(self, session: Session) -> bool:
        """Whether an instructor of its user has a wall open that shows a session."""
        walled = self.look_ins and self.server_end is not None and self.server_end.walled
        return walled and self._is_overseen(session)

    def _follow_uplink(self) -> None:
        """Tell viewers whether the service is there, and whether it wants pictures of them."""
        if self.broker is not None:
            self.broker.hands.changed()
            self.broker.walls.changed()

    async def stop_extension(self) -> None:
        """Close the uplink and the sessions, and stop the desktops."""
        if self.server_end is not None:
            await self.server_end.close()
        if self.broker is not None:
            await self.broker.close()
