"""Jupyter's identity and authorizer as the broker sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Final

from jupyter_core.utils import ensure_async
from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider, PasswordIdentityProvider
from jupyter_server.base.handlers import JupyterHandler

from .model.targets import Mode, Target
from .model.users import User
from .system.account import account_name

#: These identity providers give everybody who knows the server's token or password a random name, a new one for each
#: login and, for a token in a header, for each request. Whoever knows it counts as the server's owner: the account that
#: it runs under.
_NAMELESS: Final = (IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider)


class JupyterVisitor:
    """The user of one request. A host that knows more of people than Jupyter does has a subclass."""

    #: Who may frame our pages where the host's configuration does not say: a source of ``frame-ancestors``.
    may_frame: ClassVar[str] = "'self'"

    def __init__(self, handler: JupyterHandler) -> None:
        self._handler = handler
        self._owner = self.owner(handler.identity_provider)
        self.user = self.identify(handler)

    @classmethod
    def owner(cls, identity_provider: IdentityProvider) -> User | None:
        """The one user of a server, where it has one: the account that it runs under."""
        return User(account_name()) if type(identity_provider) in _NAMELESS else None

    @classmethod
    def let_cookie_in(cls, handler: JupyterHandler) -> None:
        """Let the login's cookie open this websocket; called before the login is looked at. Jupyter does so anyway."""

    def identify(self, handler: JupyterHandler) -> User:
        """Return the user whom the login names."""
        return self._owner or User(handler.current_user.username)

    @property
    def home(self) -> User:
        """Everybody has targets of their own."""
        return self.user

    async def may(self, action: str, resource: str) -> bool:
        """Ask Jupyter's authorizer."""
        handler = self._handler
        answer = handler.authorizer.is_authorized(handler, handler.current_user, action, resource)
        return bool(await ensure_async(answer))

    @property
    def oversees_somebody(self) -> bool:
        """Whether there is a room to look at: in a server of one user there is none."""
        return False

    @property
    def shares(self) -> bool:
        """Whether the visitor has a server of their own here, with guests: only in a hub."""
        return False

    @property
    def administers(self) -> bool:
        """Whether the visitor is an administrator here: the owner of the server, or an admin, if the host has one."""
        return self.user.admin or (self._owner is not None and self._owner.name == self.user.name)

    @property
    def configures(self) -> bool:
        """Whether the visitor can configure the server, or knows who can: in a server of one user they can."""
        return True

    @property
    def manages_targets(self) -> bool:
        """Whether there are registered targets that the visitor may change: only a hub's service has any."""
        return False

    def reach(self, target: Target) -> Mode | None:
        """The target's mode, for users whom it admits."""
        return target.mode if target.admits(self.user) else None

    def oversees(self, person: User, target: Target) -> bool:
        """The owner of a server supervises everybody in it; an admin, if the host has one, everybody."""
        return self.administers

    async def person(self, name: str) -> User | None:
        """Nobody else has desktops here: a guest has the host's."""
        return self.home if name == self.home.name else None

    async def people(self, names: Collection[str]) -> Mapping[str, User]:
        """Only the host."""
        return {name: self.home for name in names if name == self.home.name}

    async def again(self) -> JupyterVisitor:
        """Jupyter's logins do not end before their time."""
        return self
