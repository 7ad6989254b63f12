"""Jupyter's identity and authorizer as the broker sees them."""

from __future__ import annotations

import getpass
import os
from typing import Any, Final

from jupyter_core.utils import ensure_async
from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider, PasswordIdentityProvider
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from .exceptions import LoginExpired, NotPermitted
from .model.targets import Mode, Target
from .model.users import User

#: These give everybody who knows the server's token or password a random name, a new one with each login and, for a
#: token in a header, with each request. Whoever knows it is the server's owner: the account it runs under.
_NAMELESS: Final = (IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider)


class JupyterVisitor:
    """The user of one request."""

    def __init__(self, handler: JupyterHandler) -> None:
        self._handler = handler
        self.user = _user_of(handler)
        self._host = owner_of(handler.identity_provider)

    @property
    def home(self) -> User:
        """In the server of a hub's user everybody else is his guest; elsewhere everybody has targets of his own."""
        return self.user if self._host is None or self._host.name == self.user.name else self._host

    async def may(self, action: str, resource: str) -> bool:
        """Ask Jupyter's authorizer."""
        handler = self._handler
        answer = handler.authorizer.is_authorized(handler, handler.current_user, action, resource)
        return bool(await ensure_async(answer))

    @property
    def looks_after_somebody(self) -> bool:
        """Whether there is a room for him to look at: in a server of one user there is none."""
        return False

    def reach(self, target: Target) -> Mode | None:
        """Whom a target admits may do with it what its mode says."""
        return target.mode if target.admits(self.user) else None

    def oversees(self, person: User, target: Target) -> bool:
        """Whose server it is looks after his guests; an admin, where a host knows one, after everybody."""
        return self.user.admin or (self._host is not None and self._host.name == self.user.name)

    async def person(self, name: str) -> User | None:
        """Nobody else has desktops here: a guest has his host's."""
        return self.home if name == self.home.name else None

    async def again(self) -> JupyterVisitor:
        """Ask the hub anew, where there is one; one that does not answer changes nothing."""
        handler = self._handler
        hub = getattr(handler.identity_provider, "hub_auth", None)
        if hub is None:
            return self
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


def owner_of(identity_provider: IdentityProvider) -> User | None:
    """The one user of a server, where it has one: the account that it runs under, or the hub's user."""
    if type(identity_provider) in _NAMELESS:
        return User(getpass.getuser())
    name = os.environ.get("JUPYTERHUB_USER", "")
    return User(name) if name else None


def _user_of(handler: JupyterHandler) -> User:
    if type(handler.identity_provider) in _NAMELESS:
        return User(getpass.getuser())
    current: Any = handler.current_user
    hub: dict[str, Any] = getattr(current, "hub_user", None) or {}
    return User(current.username, groups=frozenset(hub.get("groups", ())))
