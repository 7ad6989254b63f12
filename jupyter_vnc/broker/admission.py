"""Admission: issue tokens, and turn them into sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jupyter_vnc.exceptions import (
    InMaintenance,
    MalformedRequest,
    NotPermitted,
    ServerAway,
    TargetNotFound,
    TokenRefused,
)
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session, place_of
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.tokens import LOOK, SESSION, Grant, IssuedToken, TokenRegistry

from .catalogue import Access, Catalogue


class Admission:
    """From a request to a token, and from a token to a session: permissions are checked both times."""

    def __init__(
        self,
        catalogue: Catalogue,
        tokens: TokenRegistry,
        registry: SessionRegistry,
        closed: Callable[[Access], bool] = lambda access: False,
    ) -> None:
        self._closed = closed
        self._catalogue = catalogue
        self._tokens = tokens
        self._registry = registry

    async def issue(
        self,
        visitor: Visitor,
        name: object,
        mode: object = None,
        takeover: object = False,
        owner: object = "",
        server: str | None = None,
    ) -> tuple[IssuedToken, Mode]:
        """Issue a token for a target; nothing is started or taken over before it is redeemed.

        With the name of a server of the owner's, it is to look at a desktop there.

        Raises:
            MalformedRequest: the mode is unknown, ``takeover`` is not true or false, or ``owner`` is not a name.
            TargetNotFound: unknown or not permitted.
            ServerAway: that server is not connected at present.
            NotPermitted: control was asked for, and only viewing is permitted.
            InMaintenance: nobody new gets it at present.
            TargetBusy: somebody else is in control of an exclusive target, and ``takeover`` is not asked for.
            LimitExceeded: too many tokens or sessions.
            StoreUnavailable: the token store does not answer.
        """
        if not isinstance(takeover, bool):
            raise MalformedRequest("takeover must be true or false")
        if not isinstance(owner, str):
            raise MalformedRequest("owner must be a user's name")
        access = await self._catalogue.find(visitor, name, owner, server)
        granted = _granted(mode, access.mode)
        self._check_open(visitor, access)
        self._registry.check(_session(visitor, access, granted, takeover))
        grant = Grant(visitor.user.name, access.target.name, access.target.generation, granted, takeover, owner)
        if server is not None:
            grant = replace(grant, kind=LOOK, server=server)
        return await self._tokens.issue(grant), granted

    async def redeem(self, visitor: Visitor, token: str) -> Session:
        """Exchange a token for a session that the broker then runs.

        Raises:
            InMaintenance: nobody new gets it at present.
            ServerAway: its desktop is in a user's server that is not connected at present.
            TokenRefused: unknown, spent, expired, another user's, or for what the target no longer is or permits.
            StoreUnavailable: the token store does not answer.
        """
        grant = await self._tokens.redeem(token, visitor.user.name)
        if grant.kind not in {SESSION, LOOK}:
            raise TokenRefused(detail="the token is not for a session")
        server = grant.server if grant.kind == LOOK else None
        try:
            access = await self._catalogue.find(visitor, grant.target, grant.owner, server)
        except ServerAway:
            raise  # the viewer asks for another token, and comes again
        except TargetNotFound:
            raise TokenRefused(detail=f"{grant.target} is gone or no longer permitted") from None
        if access.target.generation != grant.generation:
            raise TokenRefused(detail=f"{grant.target} is another server than when the token was issued")
        if grant.mode is Mode.CONTROL and access.mode is Mode.VIEW:
            raise TokenRefused(detail=f"control of {grant.target} is no longer permitted")
        self._check_open(visitor, access)
        return _session(visitor, access, grant.mode, grant.takeover)

    def _check_open(self, visitor: Visitor, access: Access) -> None:
        """Check that a target is not in maintenance, except for whoever is there already.

        Raises:
            InMaintenance: it is.
        """
        if self._closed(access) and not any(one.user.name == visitor.user.name for one in self._there(access)):
            raise InMaintenance

    def _there(self, access: Access) -> list[Session]:
        return list(self._registry.at(place_of(access.owner, access.target)))


def _granted(mode: object, best: Mode) -> Mode:
    if mode is None:
        return best
    if not isinstance(mode, str) or mode not in set(Mode):
        raise MalformedRequest(f"mode must be one of {', '.join(Mode)}")
    granted = Mode(mode)
    if granted is Mode.CONTROL and best is Mode.VIEW:
        raise NotPermitted("You may view this desktop, but not control it.")
    return granted


def _session(visitor: Visitor, access: Access, mode: Mode, takeover: bool) -> Session:
    owner, target = access.owner, access.target
    look_in = owner.name != visitor.user.name and visitor.oversees(owner, target)
    return Session(visitor.user, target, mode, takeover=takeover, owner=owner, look_in=look_in)
