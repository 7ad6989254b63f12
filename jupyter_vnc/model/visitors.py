"""Who asks: users, and what the host lets them do. This module does no I/O; a host implements :class:`Visitor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jupyter_vnc.model.users import User

if TYPE_CHECKING:
    from .targets import Mode, Target


class Visitor(Protocol):
    """A user in one request, with the host's rules behind it."""

    @property
    def user(self) -> User:
        """Who asks."""

    @property
    def home(self) -> User:
        """Whose targets he has where he names nobody: his own, or as a guest in somebody's server, his host's."""

    async def may(self, action: str, resource: str) -> bool:
        """Ask the host's authorizer: ``action`` is read, execute or write, ``resource`` is vnc or ``vnc:<name>``."""

    def reach(self, target: Target) -> Mode | None:
        """Return the most that the visitor's groups and rights permit with a target; None for nothing at all."""

    def oversees(self, person: User, target: Target) -> bool:
        """Whether the visitor may look at, use and end what another person does on a target."""

    async def person(self, name: str) -> User | None:
        """Return somebody else by name, with his groups, as far as the host knows him."""

    async def again(self) -> Visitor:
        """Return the same visitor with the rights that he has now.

        Raises:
            LoginExpired: the login is gone.
            NotPermitted: he may no longer use the service at all.
        """
