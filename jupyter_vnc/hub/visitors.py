"""Users whom a hub has logged in, and in a user's server: its owner and its guests.

This module runs in users' servers, which may lack the extra ``hub``. It therefore imports neither JupyterHub nor any
other package of that extra.
"""

from __future__ import annotations

import os
from typing import Any, Self

from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from jupyter_vnc.exceptions import LoginExpired, NotPermitted
from jupyter_vnc.model.users import User
from jupyter_vnc.system.logs import Outage
from jupyter_vnc.visitor import JupyterVisitor

from .models import user_model


class VisitorByHub(JupyterVisitor):
    """A user whom a hub has logged in."""

    #: On one host the pages of all users of a hub have one origin.
    may_frame = "'none'"

    @classmethod
    def let_cookie_in(cls, handler: JupyterHandler) -> None:
        """Accept the cookie for this websocket even if the hub's configuration refuses cookies for websockets.

        A hub refuses them because nothing proves that the page is one of this server. Here the token proves it: no
        other page could request one. The request is made to look like that for the page, which the same cookie opens.
        """
        hub = _client(handler)
        if handler.get_secure_cookie(hub.cookie_name):
            handler.request.headers["Sec-Fetch-Mode"] = "navigate"

    async def again(self) -> Self:
        """Ask the hub again; if it does not answer, nothing changes."""
        handler = self._handler
        hub = _client(handler)
        try:
            answer = await hub.user_for_token(hub.get_token(handler), use_cache=False, sync=False)
            model = None if answer is None else user_model(answer)
        except HTTPError as error:
            _outage(handler).failed(error.log_message)
            return self
        except Exception as error:  # noqa: BLE001 - JupyterHub's client raises anything about what is no answer
            _outage(handler).failed(error)
            return self
        _outage(handler).succeeded()
        if model is None:
            raise LoginExpired
        if not hub.check_scopes(hub.access_scopes, model):
            raise NotPermitted("You may no longer use this service.")
        handler.current_user = type(handler.current_user)(model)
        return type(self)(handler)


class HubUserServerVisitor(VisitorByHub):
    """A user in the server of a user of the hub. Everybody but the owner is a guest."""

    @staticmethod
    def knows(identity_provider: IdentityProvider) -> bool:
        """Whether a hub logs users in: JupyterHub's identity provider has a client of the hub."""
        return hasattr(identity_provider, "hub_auth")

    @classmethod
    def owner(cls, identity_provider: IdentityProvider) -> User | None:
        """Return the user whose server this is."""
        name = os.environ.get("JUPYTERHUB_USER", "")
        return User(name) if name else None

    def identify(self, handler: JupyterHandler) -> User:
        """Return the user as the hub names them, with their groups."""
        current: Any = handler.current_user
        return User(current.username, groups=frozenset(current.hub_user.get("groups") or ()))

    @property
    def shares(self) -> bool:
        """The owner may share the server, as far as the hub permits it."""
        return self._owner is not None and self._owner.name == self.user.name

    @property
    def home(self) -> User:
        """The owner's home is their own; guests have the owner's."""
        return self.user if self._owner is None or self._owner.name == self.user.name else self._owner


def _client(handler: JupyterHandler) -> Any:
    """Return the ``HubOAuth`` client of JupyterHub's identity provider."""
    return handler.identity_provider.hub_auth  # type: ignore[attr-defined]


def _outage(handler: JupyterHandler) -> Outage:
    """Return what logs that the hub is away: once, however many sessions ask for their users."""
    hub = _client(handler)
    if not hasattr(hub, "outage"):
        hub.outage = Outage(handler.log, "The hub does not answer; sessions continue", "The hub answers again")
    return hub.outage  # type: ignore[no-any-return]
