"""Who sends a request: users, and what the host permits them. A host implements :class:`Visitor`; no I/O here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from .targets import Mode, Target
from .users import User


class Visitor(Protocol):
    """A user in one request, with the host's rules behind it."""

    @property
    def user(self) -> User:
        """The user who sends the request."""

    @property
    def home(self) -> User:
        """Whose targets they get by default: their own or, as a guest in another user's server, that user's."""

    @property
    def shares(self) -> bool:
        """Whether the visitor's own server is here, and the host has links with which guests come to it."""

    async def may(self, action: str, resource: str) -> bool:
        """Ask the host's authorizer: ``action`` is read, execute or write, ``resource`` is vnc or ``vnc:<name>``."""

    def reach(self, target: Target) -> Mode | None:
        """Return the highest mode that the visitor's groups and rights permit; None if they permit nothing."""

    @property
    def oversees_somebody(self) -> bool:
        """Whether there may be people whom the visitor oversees."""

    def oversees(self, person: User, target: Target) -> bool:
        """Whether the visitor may view, use and end another person's sessions on a target."""

    async def person(self, name: str) -> User | None:
        """Return another user by name, with their groups, as far as the host knows them."""

    async def people(self, names: Collection[str]) -> Mapping[str, User]:
        """Return other users by name, as :meth:`person` does; those whom the host does not know are left out."""

    async def again(self) -> Visitor:
        """Return the same visitor with their current rights.

        Raises:
            LoginExpired: the login is gone.
            NotPermitted: they may no longer use the service at all.
        """


async def best_mode(visitor: Visitor, target: Target) -> Mode | None:
    """Return the highest mode that a visitor is permitted: by the host's rules first, then by its authorizer."""
    resource = f"vnc:{target.name}"
    reach = visitor.reach(target)
    if reach is None or not await visitor.may("read", resource):
        return None
    if target.mode is Mode.CONTROL and reach is Mode.CONTROL and await visitor.may("execute", resource):
        return Mode.CONTROL
    return Mode.VIEW
