"""Desktops in users' own servers: the server there brings the connection, and logs in nobody but us."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from jupyter_vnc.channels import Channel
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import TargetLeg, converse
from jupyter_vnc.exceptions import TargetUnreachable
from jupyter_vnc.model.addresses import UserServerAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import State, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login, SecurityPolicy
from jupyter_vnc.rfb.wire import SecurityType

from .base import TargetAccess, Trial

#: Seconds for the greeting of a server: it answers from the next room, and starts nothing.
GREETING: Final = 15.0

#: Returns the connection to a session's desktop; see :meth:`~jupyter_vnc.broker.elsewhere.Elsewhere.look`.
Look = Callable[[Session], Awaitable[Channel]]


class UserServerAccess(TargetAccess[UserServerAddress]):
    """Access to desktops in users' own servers, to look in.

    Args:
        look: brings a connection.
    """

    def __init__(self, look: Look) -> None:
        self._look = look

    def state(self, target: Target, owner: User) -> State:
        """See :meth:`TargetAccess.state`: only desktops that run are found there."""
        return State.UP

    async def connect(self, session: Session) -> TargetLeg:
        """See :meth:`TargetAccess.connect`.

        Raises:
            VNCError: the server there did not bring a connection, or refuses; its own sentence says why.
        """
        channel = await self._look(session)
        try:
            return await _greet(channel)
        except BaseException:
            await channel.close()
            raise

    def trials(self, target: Target, user: User, connector: Connector) -> list[Trial]:
        """See :meth:`TargetAccess.trials`: no configuration has one."""
        return []


async def _greet(channel: Channel) -> TargetLeg:
    """Log in, without a password: the connection came for a token that only this server has.

    Raises:
        TargetUnreachable: the greeting took too long.
    """
    handshake = TargetHandshake(Login(), SecurityPolicy(order=(SecurityType.NONE,), allow_none=True))
    try:
        async with asyncio.timeout(GREETING):
            await converse(handshake, channel, paused=lambda: False)
    except TimeoutError:
        raise TargetUnreachable("The desktop did not finish its greeting in time.") from None
    return TargetLeg(channel, handshake.leftover(), handshake.security)
