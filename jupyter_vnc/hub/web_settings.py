"""Settings of the service's web application: pages and addresses, headers of each answer, and the log of requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from tornado import web
from tornado.httputil import HTTPHeaders

from jupyter_vnc.http import headers
from jupyter_vnc.routes import page_templates
from jupyter_vnc.system.logs import Log, one_line

from .handlers import NotFoundPage
from .identity import HubIdentityProvider, HubVisitor


def host_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the administrator's settings, completed by those of JupyterHub's own pages and users' servers.

    Args:
        given: ``VNCHub.tornado_settings``.
    """
    added = HTTPHeaders(given.get("headers", {}))
    fixed = {
        **headers.ALWAYS,
        "Content-Security-Policy": added.get("Content-Security-Policy", "frame-ancestors 'none'"),
    }
    return {**given, "headers": {**added, **fixed}}


def page_settings(identity: HubIdentityProvider, prefix: str) -> dict[str, Any]:
    """Return what the pages and their handlers need besides the broker.

    Args:
        identity: the hub's login.
        prefix: the path of the service, with a slash at both ends.
    """
    templates, auth = page_templates(), identity.hub_auth
    return {
        "default_handler_class": NotFoundPage,
        "identity_provider": identity,
        "allow_remote_access": True,
        "base_url": prefix,
        "jinja2_env": templates,
        "vnc_templates": templates,
        "vnc_root": prefix,
        "vnc_allow_option": 'c.VNCHub.tornado_settings = {"allow_origin": %s}',
        "vnc_home": f"{auth.hub_host}{auth.hub_prefix}home",
        "vnc_visitor": HubVisitor,
    }


def request_log(log: Log) -> Callable[[web.RequestHandler], None]:
    """Return what logs failed requests without the query string; sessions have log lines of their own."""

    def log_request(handler: web.RequestHandler) -> None:
        status, request = handler.get_status(), handler.request
        failed = status >= 500 and not getattr(handler, "logged", False)
        level = logging.WARNING if failed else logging.INFO if 400 <= status < 500 else logging.DEBUG
        if status == 429:  # its reason is logged, too; see LoggedErrors
            level = logging.DEBUG
        one_line(log).log(level, "%d %s %s (%s)", status, request.method, request.path, request.remote_ip)

    return log_request
