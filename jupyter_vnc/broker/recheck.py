"""Rechecks: a session ends when its user is no longer permitted to use it."""

from __future__ import annotations

import asyncio
from logging import Logger, LoggerAdapter
from typing import Any

from jupyter_vnc.exceptions import NotPermitted, TargetNotFound, TargetUncertain, VNCError
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.system.logs import one_line

from .catalogue import Catalogue


class Rechecker:
    """Asks the host periodically who a session's user is and what they may do."""

    def __init__(self, catalogue: Catalogue, log: Logger | LoggerAdapter[Any]) -> None:
        self._catalogue = catalogue
        self.log = one_line(log)

    async def watch(self, session: Session, visitor: Visitor, interval: float) -> None:
        """Recheck a session every ``interval`` seconds until it has ended, for whatever reason."""
        while session.error is None:
            await asyncio.sleep(interval)
            try:
                visitor = await visitor.again()
                await self._check(session, visitor)
            except VNCError as error:
                session.end(error)
            except Exception:  # an authorizer may raise anything; an error must not end the rechecks
                self.log.exception("Session %s could not be rechecked; trying again later", session.id)

    async def _check(self, session: Session, visitor: Visitor) -> None:
        """See whether the session is still permitted.

        Raises:
            NotPermitted: it is not.
            TargetNotFound: its target is gone.
        """
        owner = "" if session.owner is session.user else session.owner.name
        server = session.target.address.server
        try:
            access = await self._catalogue.find(visitor, session.target.name, owner, server)
        except TargetUncertain:
            return  # the catalogue has logged it; the next recheck asks again
        except TargetNotFound:
            if server is None and await self._catalogue.has(session.owner, session.target.name):
                raise NotPermitted("You may no longer use this desktop.") from None
            raise
        if session.mode is Mode.CONTROL and access.mode is Mode.VIEW:
            raise NotPermitted("You may no longer control this desktop.")
        session.renew(visitor.user, access.owner)
