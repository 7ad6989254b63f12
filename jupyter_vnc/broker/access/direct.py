"""Servers on TCP or a Unix socket that somebody else runs: there is nothing to start or to wait for."""

from __future__ import annotations

from pathlib import Path

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import TargetLeg
from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import State, Target
from jupyter_vnc.model.users import User

from .base import TargetAccess, Trial, log_in
from .outcomes import Outcomes


class DirectAccess(TargetAccess[TCPAddress | UnixAddress]):
    """Access to VNC servers that somebody else runs."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    def state(self, target: Target, owner: User) -> State:
        """See :meth:`TargetAccess.state`: by the socket's file, or by how the last connection went."""
        try:
            address = self._address(target).for_user(owner.name)
        except TargetNotFound:
            return State.DOWN
        if address.socket is not None:
            return State.UP if Path(address.socket).is_socket() else State.DOWN
        return self._outcomes.last_state(str(address))

    async def connect(self, session: Session) -> TargetLeg:
        """See :meth:`TargetAccess.connect`."""
        return await self._outcomes.connect(session.target, self._address(session.target))

    def trials(self, target: Target, user: User, connector: Connector) -> list[Trial]:
        """See :meth:`TargetAccess.trials`: one login."""

        async def try_it() -> str:
            mine = target.for_user(user)
            return await log_in(mine, self._address(mine), connector)

        return [("", try_it)]
