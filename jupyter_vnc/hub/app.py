"""The service of a hub: the extension's broker, routes and pages, with the hub's login instead of Jupyter's."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jupyter_core.application import JupyterApp
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyterhub.services.auth import HubOAuth
from tornado import web
from traitlets import Dict, Enum, Float, Unicode
from traitlets.config import Application, Configurable

from jupyter_vnc import __version__
from jupyter_vnc.broker.audit import adopt_loggers
from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.broker.hands import is_own
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.routes import NOTEBOOK_ROUTES, ROUTES, Route, below
from jupyter_vnc.sources.directory import DirectoryTargets
from jupyter_vnc.sources.websockify import WebsockifyTargets
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.system import descriptors
from jupyter_vnc.system.logs import one_line

from .client import HubClient
from .config import ALLOWED_SCOPES
from .files import cookie_secret, metrics_token, tls_context
from .handlers import HUB_ROUTES
from .identity import HubIdentityProvider
from .login_state import LoginStates
from .metrics import ServiceMetrics
from .oauth_callback import OAuthCallback
from .records import Records
from .registry.service import RegistryService, open_registry
from .registry.trials import Trials
from .scopes import names_ours
from .server import FILES, BoundedServer
from .uplink.server_visits import ServerVisits
from .uplink.uplinks import Uplinks
from .users import People
from .web_settings import host_settings, page_settings, request_log

#: What the hub passes to a service that it starts; must be set if something else starts the service.
_NEEDED: Final = ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_SERVICE_URL")

#: For how long an answer of the hub is cached (seconds); its own default is ten times as long.
MEMORY: Final = 30

#: The file of leases that a service had before it had a database, in the folder where the service runs.
LEASES: Final = "jupyter-vnc-leases.json"

#: Sessions of a whole course, where the extension's default is for one user.
_COURSE: Final = {
    "sessions_total": 512,
    "managed_desktops": False,
    "target_sources": ["config", "database"],
    "token_store": "database",
}


class VNCHub(JupyterApp):
    """Remote desktops for the users of a JupyterHub."""

    name = "jupyter-vnc-hub"
    version = __version__
    description = "Remote desktops as a service of JupyterHub. Targets are configured as for the extension."
    classes: list[type[Configurable]] = [  # noqa: RUF012
        VNCBroker,
        PoolManager,
        WebsockifyTargets,
        DirectoryTargets,
        HubOAuth,
    ]

    subcommands: dict[str, tuple[str, str]] = {  # noqa: RUF012
        "targets": (
            "jupyter_vnc.hub.commands.Targets",
            "List, add, remove, import, export and test registered targets.",
        ),
        "rotate-keys": ("jupyter_vnc.hub.commands.RotateKeys", "Encrypt all secrets in the database with a new key."),
    }

    rights = Enum(
        ["auto", "scopes", "lists"],
        default_value="auto",
        help="""What decides who may do what. ``scopes``: the hub's scopes ``custom:jupyter-vnc:…``; without one nothing
        is permitted. ``lists``: whoever is in ``allow_users`` or ``allow_groups`` of a target may use it; scopes add to
        that. Default ``auto``: scopes if the hub passes them on, as ``jupyter_vnc.hub.config`` configures it.
        """,
    ).tag(config=True)

    cookie_secret_file = Unicode(
        "jupyter-vnc-cookie-secret",
        help="""File with the secret that signs login cookies, and encrypts what a browser carries during its login;
        created if missing. Processes with the same secret accept each other's logins, also those that are under way.
        Default: beside the hub's own files, in the folder where the service runs. With a new secret all users have to
        log in again.
        """,
    ).tag(config=True)

    db_url = Unicode(
        "sqlite:///jupyter-vnc.sqlite",
        help="""The database of registered targets, leases, tokens and visits, as SQLAlchemy has it. Default: SQLite,
        in a file in the folder where the service runs, which only its owner can read; one process uses it. With
        ``postgresql+psycopg://vnc@db.example.org/vnc`` it is a database that is there already, which several processes
        of the service can share; that needs ``pip install 'jupyter-vnc[hub-postgresql]'``.
        """,
    ).tag(config=True)

    db_url_file = Unicode(
        help="""File that has the URL of the database on its only line, in place of ``db_url``: for a URL with a
        password. Only its owner may be able to read it. Default: none.
        """,
    ).tag(config=True)

    visit_retention = Float(
        90.0,
        min=0.0,
        help="""Days for which the history says who was at which desktop and when; attendance is made of it, see
        ``GET api/visits`` and ``GET api/attendance``. With 0 nothing is written, and what is left from before is
        deleted. Default 90.
        """,
    ).tag(config=True)

    keys_file = Unicode(
        "jupyter-vnc-keys",
        help="""File with the keys that encrypt the secrets in the database, newest first; created if missing. Back it
        up, and not together with the database. The variable ``JUPYTER_VNC_KEYS`` has the keys in place of a file.
        Default: beside the database, in the folder where the service runs.
        """,
    ).tag(config=True)

    metrics_token_file = Unicode(
        help="""File with a token with which Prometheus reads ``metrics``: 16 characters or more, as
        ``openssl rand -hex 32`` makes them. Only its owner may be able to read it. Default: none; then only admins of
        the hub can read them.
        """,
    ).tag(config=True)

    tornado_settings = Dict(
        help="""Settings of the web application, as in ``JupyterHub.tornado_settings`` and
        ``ServerApp.tornado_settings``. Above all ``headers``, a dictionary of headers for each answer: a learning
        platform may show the service in a frame with
        ``{"headers": {"Content-Security-Policy": "frame-ancestors https://lms.example.org"}}``. Default: empty; as
        with JupyterHub's own pages nobody may frame the service then.
        """,
    ).tag(config=True)

    #: Set while the service runs.
    registry: RegistryService | None = None

    @property
    def database(self) -> Database:
        """The database, while the service runs."""
        assert self.registry is not None  # noqa: S101 - for the type checker
        return self.registry.database

    @property
    def registered_targets(self) -> Mapping[str, Target]:
        """What the source ``database`` lists."""
        return self.registry.targets if self.registry else {}

    @property
    def registered_problems(self) -> Sequence[str]:
        """Which registered targets cannot be used, a sentence for each."""
        return self.registry.problems if self.registry else ()

    async def open_registry(self, *, alone: bool = True) -> RegistryService:
        """Open the database; see :func:`~jupyter_vnc.hub.registry.service.open_registry`."""
        return await open_registry(self.db_url, self.db_url_file, self.keys_file, self.log, alone=alone)

    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Read the file that ``--config`` names; without one, those of Jupyter's servers."""
        if not self.config_file:
            Application.load_config_file(self, "jupyter_server_config", path=self.config_file_paths)
        super().load_config_file(suppress_errors)

    def start(self) -> None:
        """Run until the hub, or whoever started the service, ends it."""
        super().start()
        missing = [name for name in _NEEDED if not os.environ.get(name)]
        if missing:
            self.exit_with(f"{', '.join(missing)} is not set: the hub sets it for a service that it starts.")
        try:
            asyncio.run(self.serve())
        except ConfigError as error:
            self.exit_with(str(error))
        except OSError as error:
            self.exit_with(f"{error.filename or os.environ['JUPYTERHUB_SERVICE_URL']}: {error.strerror}")

    def exit_with(self, sentence: str) -> None:
        """Report why the service cannot run, and exit."""
        one_line(self.log).error("%s: %s", self.name, sentence)
        self.exit(1)

    async def serve(self) -> None:
        """Serve until a signal comes; then close the sessions, with a code that makes viewers reconnect."""
        adopt_loggers(self.log)
        descriptors.raise_limit(FILES)
        self.config.HubOAuth.setdefault("cache_max_age", MEMORY)
        self.config.PoolManager.setdefault("state_file", f"{os.getcwd()}/{LEASES}")  # noqa: PTH109 - no I/O
        self.registry = await self.open_registry()
        try:
            await self._serve(self.registry)
        finally:
            await self.registry.close()

    async def _serve(self, registry: RegistryService) -> None:
        broker = VNCBroker(parent=self, **self._defaults())
        records = Records(registry, broker, self.visit_retention, self.log)
        broker.hear_of(uplinks := Uplinks())
        uplinks.visits = ServerVisits(records.visits.note)
        broker.hands.seen, broker.hands.there = is_own, lambda: True
        options = {"xheaders": True, "ssl_options": tls_context(os.environ["JUPYTERHUB_SERVICE_URL"])}
        application = self.application(broker, registry, records, uplinks)
        server = BoundedServer(application, longest_message=broker.max_message, **options)
        url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
        await records.start()
        server.listen(url.port or 80, url.hostname or "127.0.0.1")
        one_line(self.log).info("Remote desktops at %s", os.environ["JUPYTERHUB_SERVICE_PREFIX"])
        await _told_to_stop()
        server.stop()
        uplinks.visits.close()
        try:
            await records.close()
        finally:
            await server.close_all_connections()

    def _defaults(self) -> dict[str, Any]:
        """Defaults for many users, which the configuration overrides."""
        return {key: value for key, value in _COURSE.items() if key not in self.config.VNCBroker}

    def application(
        self, broker: VNCBroker, registry: RegistryService, records: Records, uplinks: Uplinks
    ) -> web.Application:
        """Return the web application with routes and login."""
        identity = HubIdentityProvider(parent=self, log=self.log)
        prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
        by_scopes = self._by_scopes()
        self.log.info("Permissions: by %s", "the hub's scopes" if by_scopes else "allow_users and allow_groups")
        settings = host_settings(self.tornado_settings) | page_settings(identity, prefix)
        callback: Route = ("/oauth_callback", OAuthCallback, {"hub_auth": identity.hub_auth})
        shared = [route for route in ROUTES if route not in NOTEBOOK_ROUTES]
        return web.Application(
            below(re.escape(prefix.rstrip("/")), [*HUB_ROUTES, callback, *shared]),
            **(settings | self._settings(broker, identity) | {"vnc_by_scopes": by_scopes}),
            vnc_registry=registry,
            vnc_maintenance=records.maintenance,
            vnc_visits=records.visits,
            vnc_trials=Trials(broker.connector),
            vnc_uplinks=uplinks,
            vnc_metrics=ServiceMetrics(registry.database, broker.access.figures),
            vnc_metrics_token=metrics_token(self.metrics_token_file),
        )

    def _settings(self, broker: VNCBroker, identity: HubIdentityProvider) -> dict[str, Any]:
        secret = cookie_secret(Path(self.cookie_secret_file))
        identity.hub_auth.states = LoginStates(secret)
        return {
            "authorizer": AllowAllAuthorizer(parent=self, identity_provider=identity),
            "cookie_secret": secret,
            "vnc_broker": broker,
            "vnc_people": People(HubClient(identity.hub_auth), self.log),
            "log_function": request_log(self.log),
        }

    def _by_scopes(self) -> bool:
        if self.rights != "auto":
            return bool(self.rights == "scopes")
        return names_ours(os.environ.get(ALLOWED_SCOPES) or "[]", key=ALLOWED_SCOPES)


async def _told_to_stop() -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


def main() -> None:
    """Run the service."""
    VNCHub.launch_instance(sys.argv[1:])
