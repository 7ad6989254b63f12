"""Desktops in frames of notebooks: a ticket permits one frame once, where the host's policy permits no frames.

In a hub on one host the pages of all users share an origin, and nothing that a browser says of the page around a frame
tells them apart: neither the origin, nor the Referer, which a page's script changes with ``history.pushState``. So what
identifies a notebook's frame is a secret that only the owner's kernel received. It grants no access: whoever presents
it still has to log in. It works once, so the saved output of a notebook contains no usable secret.
"""

from __future__ import annotations

import time
from typing import Final

from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.throttling import Clock
from jupyter_vnc.tokens import Grant, IssuedToken, TokenRegistry, digest_of

from .catalogue import Catalogue

#: How long the browser has to ask for the frame (seconds).
TTL: Final = 30.0


class FrameTickets:
    """Tickets for frames, in this process: the server that a notebook belongs to is one."""

    def __init__(self, catalogue: Catalogue, *, clock: Clock = time.monotonic) -> None:
        self._catalogue = catalogue
        self._store = MemoryTokenStore(clock=clock)
        self._registry = TokenRegistry(self._store, ttl=TTL, clock=clock)

    async def issue(self, visitor: Visitor, name: object) -> IssuedToken:
        """Make a ticket for a target.

        Raises:
            TargetNotFound: unknown or not permitted.
            LimitExceeded: too many per minute, or too many unused.
        """
        target = (await self._catalogue.find(visitor, name)).target
        return await self._registry.issue(Grant(visitor.user.name, target.name, "", Mode.VIEW))

    async def spend(self, visitor: Visitor, name: str, ticket: str) -> bool:
        """Whether a ticket permits the visitor to see a target in a frame; it does so once.

        It must have been issued to the visitor or to the server's owner: the owner gains nothing about a guest by it
        that their server does not have anyway. A guest's ticket is of no use in another user's browser.
        """
        # Tickets of other users are refused as unknown. There is no breaker: a notebook that is opened again presents
        # all the old tickets of its outputs at once.
        for user in dict.fromkeys((visitor.user.name, visitor.home.name)):
            grant = await self._store.take(digest_of(ticket), user)
            if grant is not None:
                return grant.target == name
        return False
