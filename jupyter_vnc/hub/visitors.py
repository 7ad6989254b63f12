"""Those whom a hub has logged in, and which of them the owner and the guests of a user's server are.

Users' servers need not have JupyterHub's newest version, nor this package's extra ``hub``: this module imports neither.
"""

from __future__ import annotations

import os
from typing import Any, Self

from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from jupyter_vnc.exceptions import LoginExpired, NotPermitted
from jupyter_vnc.model.users import User
from jupyter_vnc.visitor import JupyterVisitor


class VisitorByHub(JupyterVisitor):
    """Somebody whom a hub has logged in."""

    #: On one host the pages of all users of a hub have one origin.
    may_frame = "'none'"

    @classmethod
    def let_cookie_in(cls, handler: JupyterHandler) -> None:
        """Let a cookie open this websocket also where the hub's configuration lets it open none.

        A hub forbids it because nothing proves that the page is one of this server. Here the token does: no other page
        could ask for it. To the hub's client the request then looks as the one for the page itself does, which the same
        cookie may open.
        """
        hub = _client(handler)
        if handler.get_secure_cookie(hub.cookie_name):
            handler.request.headers["Sec-Fetch-Mode"] = "navigate"

    async def again(self) -> Self:
        """Ask the hub anew; one that does not answer changes nothing."""
        handler = self._handler
        hub = _client(handler)
        try:
            model = await hub.user_for_token(hub.get_token(handler), use_cache=False, sync=False)
        except HTTPError as error:
            handler.log.warning("The hub does not answer; sessions go on: %s", error.log_message)
            return self
        if model is None:
            raise LoginExpired
        if not hub.check_scopes(hub.access_scopes, model):
            raise NotPermitted("You may no longer use this service.")
        handler.current_user = type(handler.current_user)(model)
        return type(self)(handler)


class HubUserServerVisitor(VisitorByHub):
    """A user of a hub, in the server of one of its users. Everybody but the owner is a guest there."""

    @staticmethod
    def knows(identity_provider: IdentityProvider) -> bool:
        """Whether the hub logs users in: JupyterHub's identity provider has a client for it."""
        return hasattr(identity_provider, "hub_auth")

    @classmethod
    def owner(cls, identity_provider: IdentityProvider) -> User | None:
        """The user whose server this is."""
        name = os.environ.get("JUPYTERHUB_USER", "")
        return User(name) if name else None

    def identify(self, handler: JupyterHandler) -> User:
        """Return the user as the hub names them, with their groups."""
        current: Any = handler.current_user
        return User(current.username, groups=frozenset(current.hub_user.get("groups") or ()))

    @property
    def home(self) -> User:
        """In the server of a hub's user, everybody else is their guest."""
        return self.user if self._owner is None or self._owner.name == self.user.name else self._owner


def _client(handler: JupyterHandler) -> Any:
    """The hub's client, a ``HubOAuth``, that JupyterHub's identity provider has."""
    return handler.identity_provider.hub_auth  # type: ignore[attr-defined]
