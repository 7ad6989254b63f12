"""How the last connection to each server went: its state, as far as it is known without a new connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import TargetLeg
from jupyter_vnc.exceptions import TargetError, TargetUnreachable
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import State, Target

#: For how long the outcome of the last connection counts as a TCP target's state (seconds).
STATE_MEMORY: Final = 60.0


class Outcomes:
    """Connects for all sessions, and remembers how it went. What listens on a socket's file needs no memory.

    Args:
        connector: does it.
        failed: called with each failure.
    """

    def __init__(self, connector: Connector, failed: Callable[[TargetError], None] = lambda error: None) -> None:
        self._failed = failed
        self._connector = connector
        self._outcomes: dict[str, tuple[State, float]] = {}

    def last_state(self, address: str) -> State:
        """How the last connection went, if that was lately; otherwise unknown."""
        state, when = self._outcomes.get(address, (State.UNKNOWN, 0.0))
        return state if time.monotonic() - when < STATE_MEMORY else State.UNKNOWN

    async def connect(self, target: Target, address: TCPAddress | UnixAddress) -> TargetLeg:
        """Connect and log in, and remember how it went."""
        try:
            leg = await self._connector.connect(target, address)
        except TargetError as error:
            self._failed(error)
            if isinstance(error, TargetUnreachable):
                self._note(address, State.DOWN)
            raise
        self._note(address, State.UP)
        return leg

    def _note(self, address: TCPAddress | UnixAddress, state: State) -> None:
        if address.socket is None:
            self._outcomes[str(address)] = (state, time.monotonic())
