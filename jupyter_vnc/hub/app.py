"""The service of a hub: the extension's broker, routes and pages, with the hub's login instead of Jupyter's."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import signal
import ssl
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jupyter_core.application import JupyterApp
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyterhub.services.auth import HubOAuth
from jupyterhub.utils import make_ssl_context
from tornado import web
from tornado.httputil import HTTPHeaders
from traitlets import Dict, Enum, Unicode
from traitlets.config import Application, Configurable

from jupyter_vnc import __version__
from jupyter_vnc.broker.audit import adopt_loggers
from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.connect.security import MAX_CA_FILE
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.http import headers
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.routes import NOTEBOOK_ROUTES, ROUTES, Route, below, page_templates
from jupyter_vnc.sources.directory import DirectoryTargets
from jupyter_vnc.sources.websockify import WebsockifyTargets
from jupyter_vnc.stores.redis import RedisTokens
from jupyter_vnc.system import descriptors
from jupyter_vnc.system.files import check_regular, read_regular_file
from jupyter_vnc.system.logs import one_line

from .client import HubClient
from .config import ALLOWED_SCOPES
from .handlers import HUB_ROUTES, NotFoundPage, OAuthCallback
from .identity import HubIdentityProvider, HubVisitor
from .scopes import ADMIN, CONTROL, VIEW
from .server import FILES, BoundedServer
from .users import People

#: What the hub passes to a service that it starts; must be set if something else starts the service.
_NEEDED: Final = ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_SERVICE_URL")

#: For how long an answer of the hub is cached (seconds); its own default is ten times as long.
MEMORY: Final = 30

#: The file of leases, in the folder where the service runs.
LEASES: Final = "jupyter-vnc-leases.json"

#: Minimum length of a cookie secret (bytes), so that it cannot be guessed. Ours has 32.
MIN_SECRET: Final = 16
MAX_SECRET: Final = 65536

#: Sessions of a whole course, where the extension's default is for one user.
_COURSE: Final = {"sessions_total": 512, "managed_desktops": False}


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
        RedisTokens,
        HubOAuth,
    ]

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
        help="""File with the secret that signs login cookies; created if missing. Default: beside the hub's own
        files, in the folder where the service runs. With a new secret all users have to log in again.
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
        broker = VNCBroker(parent=self, **self._defaults())
        options = {"xheaders": True, "ssl_options": _tls(os.environ["JUPYTERHUB_SERVICE_URL"])}
        server = BoundedServer(self.application(broker), longest_message=broker.max_message, **options)
        url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
        await broker.start()
        server.listen(url.port or 80, url.hostname or "127.0.0.1")
        one_line(self.log).info("Remote desktops at %s", os.environ["JUPYTERHUB_SERVICE_PREFIX"])
        await _told_to_stop()
        server.stop()
        await broker.close()
        await server.close_all_connections()

    def _defaults(self) -> dict[str, Any]:
        """Defaults for many users, which the configuration overrides."""
        return {key: value for key, value in _COURSE.items() if key not in self.config.VNCBroker}

    def application(self, broker: VNCBroker) -> web.Application:
        """Return the web application with routes and login."""
        identity = HubIdentityProvider(parent=self, log=self.log)
        prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
        by_scopes = self._by_scopes()
        self.log.info("Permissions: by %s", "the hub's scopes" if by_scopes else "allow_users and allow_groups")
        callback: Route = ("/oauth_callback", OAuthCallback, {"hub_auth": identity.hub_auth})
        shared = [route for route in ROUTES if route not in NOTEBOOK_ROUTES]
        return web.Application(
            below(re.escape(prefix.rstrip("/")), [*HUB_ROUTES, callback, *shared]),
            **(self._host_settings() | self._settings(broker, identity, prefix) | {"vnc_by_scopes": by_scopes}),
        )

    def _settings(self, broker: VNCBroker, identity: HubIdentityProvider, prefix: str) -> dict[str, Any]:
        templates = page_templates()
        return {
            "default_handler_class": NotFoundPage,
            "identity_provider": identity,
            "authorizer": AllowAllAuthorizer(parent=self, identity_provider=identity),
            "allow_remote_access": True,
            "base_url": prefix,
            "cookie_secret": _secret(Path(self.cookie_secret_file)),
            "jinja2_env": templates,
            "vnc_templates": templates,
            "vnc_root": prefix,
            "vnc_allow_option": 'c.VNCHub.tornado_settings = {"allow_origin": %s}',
            "vnc_home": f"{identity.hub_auth.hub_host}{identity.hub_auth.hub_prefix}home",
            "vnc_broker": broker,
            "vnc_visitor": HubVisitor,
            "vnc_people": People(HubClient(identity.hub_auth), self.log),
            "log_function": self._log_request,
        }

    def _host_settings(self) -> dict[str, Any]:
        """The administrator's settings, completed by those of JupyterHub's own pages and users' servers."""
        given = HTTPHeaders(self.tornado_settings.get("headers", {}))
        fixed = {
            **headers.ALWAYS,
            "Content-Security-Policy": given.get("Content-Security-Policy", "frame-ancestors 'none'"),
        }
        return {**self.tornado_settings, "headers": {**given, **fixed}}

    def _by_scopes(self) -> bool:
        if self.rights != "auto":
            return bool(self.rights == "scopes")
        passed = _scopes(os.environ.get(ALLOWED_SCOPES) or "[]")
        return any(scope.partition("!")[0] in {VIEW, CONTROL, ADMIN} for scope in passed)

    def _log_request(self, handler: web.RequestHandler) -> None:
        """Log failed requests without the query string; sessions have log lines of their own."""
        status, request = handler.get_status(), handler.request
        failed = status >= 500 and not getattr(handler, "logged", False)
        level = logging.WARNING if failed else logging.INFO if 400 <= status < 500 else logging.DEBUG
        if status == 429:  # its reason is logged, too; see LoggedErrors
            level = logging.DEBUG
        one_line(self.log).log(level, "%d %s %s (%s)", status, request.method, request.path, request.remote_ip)


def _scopes(said: str) -> list[str]:
    """Return the scopes that the hub passes on.

    Raises:
        ConfigError: it is not a list of strings.
    """
    try:
        scopes = json.loads(said)
    except (ValueError, RecursionError):
        scopes = None
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise ConfigError("must be a JSON list of scopes", key=ALLOWED_SCOPES)
    return scopes


def _tls(url: str) -> ssl.SSLContext | None:
    """The hub's certificates, if the service's URL says TLS: the hub and its proxy connect as the URL says.

    Raises:
        ConfigError: it does, and there are no certificates.
    """
    if urlsplit(url).scheme != "https":
        return None
    names = ("JUPYTERHUB_SSL_KEYFILE", "JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_CLIENT_CA")
    key, certificate, authority = (os.environ.get(name, "") for name in names)
    if not (key and certificate):
        sentence = f"{url} says TLS, which needs c.JupyterHub.internal_ssl = True, or {names[0]} and {names[1]}"
        raise ConfigError(sentence, key="JUPYTERHUB_SERVICE_URL")
    for file in filter(None, (key, certificate, authority)):
        check_regular(file, MAX_CA_FILE)
    context: ssl.SSLContext = make_ssl_context(key, certificate, cafile=authority, purpose=ssl.Purpose.CLIENT_AUTH)
    return context


def _secret(file: Path) -> bytes:
    """Return the secret of a file, which is created if it does not exist.

    Raises:
        ConfigError: it cannot be read or created, or others can read it.
    """
    try:
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(secrets.token_bytes(32))
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{file} can be read by others: chmod 600 it", key="VNCHub.cookie_secret_file")
        secret = read_regular_file(file, MAX_SECRET)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", key="VNCHub.cookie_secret_file") from None
    if len(secret) < MIN_SECRET:
        sentence = f"{file} has {len(secret)} bytes, which somebody could guess; remove it, and a new one is made"
        raise ConfigError(sentence, key="VNCHub.cookie_secret_file")
    return secret


async def _told_to_stop() -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


def main() -> None:
    """Run the service."""
    VNCHub.launch_instance(sys.argv[1:])
