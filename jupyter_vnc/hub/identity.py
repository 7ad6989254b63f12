"""Who a hub's users are, and what they may do: login by the hub, rights by its scopes or by the targets' own lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.base.handlers import JupyterHandler
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider
from tornado import web
from traitlets import default

from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

from .editor import Editor
from .login import RememberingHubOAuth
from .scopes import Rights
from .users import People
from .visitors import VisitorByHub


class HubAwayError(web.HTTPError):
    """The hub does not answer. That is logged once, and not for each request."""

    logged = True

    def __init__(self) -> None:
        super().__init__(503, "JupyterHub does not answer. Try again in a moment.")


class HubIdentityProvider(JupyterHubIdentityProvider):  # type: ignore[misc]
    """The hub's login, as in its users' servers; if the hub does not answer, the error says so."""

    @default("hub_auth")
    def _default_hub_auth(self) -> RememberingHubOAuth:
        return RememberingHubOAuth(parent=self)

    async def get_user(self, handler: JupyterHandler) -> Any:
        """Return the user from the hub or its cache.

        Raises:
            web.HTTPError: 503, the hub does not answer.
        """
        try:
            return await super().get_user(handler)
        except web.HTTPError as error:
            if error.status_code < 500:
                raise
            handler.current_user = None  # so that the error page does not ask again
            raise HubAwayError from None


class HubVisitor(VisitorByHub):
    """A user of the hub. An admin of the hub may do everything."""

    def __init__(self, handler: JupyterHandler) -> None:
        self._people: People = handler.settings["vnc_people"]
        super().__init__(handler)
        self.rights = Rights.parse(handler.current_user.hub_user.get("scopes") or ())
        self._by_scopes: bool = handler.settings["vnc_by_scopes"]

    @classmethod
    def owner(cls, identity_provider: IdentityProvider) -> User | None:
        """A service is nobody's."""
        return None

    def identify(self, handler: JupyterHandler) -> User:
        """Return the user as the hub names them."""
        return self._people.note(handler.current_user.hub_user)

    def reach(self, target: Target) -> Mode | None:
        """By the hub's scopes, if it passes any on; otherwise the target's mode, for users whom it admits."""
        if self.user.admin:
            return target.mode
        reach = self.rights.reach(target)
        return reach if self._by_scopes or reach is not None else super().reach(target)

    def oversees(self, person: User, target: Target) -> bool:
        """By the scope ``custom:jupyter-vnc:admin`` and its filter."""
        return self.user.admin or self.rights.oversees(person, target)

    @property
    def oversees_somebody(self) -> bool:
        """Whether there may be people whom the visitor oversees."""
        return self.user.admin or self.rights.oversees_somebody

    @property
    def oversees_everybody(self) -> bool:
        """Whether the visitor oversees all people at all targets."""
        return self.user.admin or self.rights.oversees_everybody

    async def members(self) -> frozenset[str]:
        """Return the names of those who are in a group that the visitor oversees, except their own."""
        return await self._people.members(self.rights.overseen_groups) - {self.user.name}

    @property
    def configures(self) -> bool:
        """The service belongs to the hub's admins."""
        return self.user.admin

    @property
    def manages_targets(self) -> bool:
        """Whether the admin page is for them."""
        return self.editor is not None

    @property
    def editor(self) -> Editor | None:
        """Which registered targets the visitor manages; None if none."""
        if self.user.admin:
            return Editor(self.user.name, local=True)
        groups = self.rights.managed_groups
        return Editor(self.user.name, groups) if groups is None or groups else None

    async def person(self, name: str) -> User | None:
        """Ask the hub, but only for visitors who oversee somebody."""
        return await self._people.find(name) if self.oversees_somebody else None

    async def people(self, names: Collection[str]) -> Mapping[str, User]:
        """Ask the hub once for all of them, but only for visitors who oversee somebody."""
        return await self._people.find_all(names) if self.oversees_somebody else {}
