"""The turns in which servers are logged in to, and the pause after refused logins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from jupyter_vnc.exceptions import TargetRefused, TargetUnreachable, VNCError
from jupyter_vnc.throttling import Breaker

#: Logins under way at once for each server: TigerVNC refuses three of eight that come together.
HANDSHAKES_AT_ONCE: Final = 2
#: After so many refused logins in a row there is a pause, of so many seconds. See :class:`.Breaker`.
REFUSALS: Final = 3
OPEN_FOR: Final = 30.0


@dataclass(slots=True)
class Turn:
    """One login.

    Attributes:
        refused: how it ended: whether the server refused our credentials; None for neither that nor success.
        waited: seconds that were spent on asking others for the turn, which are not the server's.
    """

    refused: bool | None = None
    waited: float = 0.0


def paused(wait: float, key: str) -> TargetRefused:
    """Make the error while a server is not tried, for so many seconds more."""
    return TargetRefused(
        "The desktop refused the configured credentials several times. Tell your administrator; "
        f"the next try is possible in {wait:.0f} seconds.",
        detail=key,
    )


def busy(key: str) -> TargetUnreachable:
    """Make the error of whoever has waited for others in vain."""
    return TargetUnreachable("The desktop is busy with other logins. Try again.", detail=key)


class Gate:
    """What all logins of this process to a server go through, once it is their turn in this process.

    Args:
        breaker: counts refused logins.
    """

    def __init__(self, breaker: Breaker | None = None) -> None:
        self._breaker = breaker or Breaker(REFUSALS, open_for=OPEN_FOR)

    async def check(self, key: str) -> None:
        """Check that a server may be tried.

        Raises:
            TargetRefused: it has refused several logins in a row.
        """
        if wait := self._breaker.open_for(key):
            raise paused(wait, key)

    def overdue(self, key: str) -> VNCError:
        """Return why those who were before somebody in this process took all the time."""
        return busy(key)

    @asynccontextmanager
    async def turn(self, key: str, deadline: float, longest: float) -> AsyncIterator[Turn]:
        """Keep a turn, and note how its login ended.

        Args:
            key: names the server.
            deadline: until when to wait for a turn, of the event loop's clock.
            longest: seconds that the login takes at most.

        Raises:
            TargetRefused: see :meth:`check`.
            TargetUnreachable: others took all the time.
        """
        # Whoever waited here behind refused logins must not be the next one.
        await self.check(key)
        turn = Turn()
        try:
            yield turn
        finally:
            if turn.refused is not None:
                (self._breaker.failed if turn.refused else self._breaker.succeeded)(key)
