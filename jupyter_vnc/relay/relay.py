"""The relay: two pumps that join a session's ends. It knows bytes and backpressure, nothing else.

Each pump reads only when its other end has taken what was read before, so a slow viewer slows the target down and not
the other way round into our memory. A peer that takes nothing for ``stall_timeout`` ends the session; one that closes
its side closes ours, and what was on its way is delivered first.

How a pump moves its bytes is its own affair: :class:`Copier` reads and writes them, :mod:`~jupyter_vnc.relay.zerocopy`
lets the kernel do it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

from jupyter_vnc import tasks
from jupyter_vnc.channels import Channel
from jupyter_vnc.exceptions import Stalled

#: How long the other direction may go on after one end has closed its side (seconds).
LINGER: Final = 2.0

#: Looks at bytes on their way and returns those that go on.
Filter = Callable[[bytes], bytes]


class Leg(StrEnum):
    """The two ends of a session."""

    VIEWER = "viewer"
    TARGET = "target"


class Pump(Protocol):
    """Moves bytes one way."""

    async def run(self) -> bool:
        """Move bytes until the source is done or the sink is gone; return whether the other way may still go on.

        Raises:
            Stalled: the sink took nothing for the stall timeout.
            VNCError: whatever a filter raised.
        """


class Copier:
    """A pump that works between any two channels.

    Args:
        source: where bytes come from.
        sink: where they go.
        look: sees each piece, returns what goes on; may raise to end the session.
        stall_timeout: seconds that the sink may take nothing; 0 for no limit.
        early: bytes of the source that came behind a handshake.
    """

    def __init__(
        self, source: Channel, sink: Channel, look: Filter, *, stall_timeout: float, early: bytes = b""
    ) -> None:
        self._source = source
        self._sink = sink
        self._look = look
        self._stall_timeout = stall_timeout
        self._early = early

    async def run(self) -> bool:
        """See :meth:`Pump.run`."""
        data = self._early or await self._source.read()
        try:
            while data:
                if data := self._look(data):
                    await write_in_time(self._sink, data, self._stall_timeout)
                data = await self._source.read()
            return await self._sink.write_eof()
        except ConnectionError:
            return False


class Relay:
    """Joins two ends until one of them is done.

    Args:
        from_viewer: pumps from the viewer to the target.
        from_target: pumps from the target to the viewer.
    """

    def __init__(self, from_viewer: Pump, from_target: Pump) -> None:
        self._from_viewer = from_viewer
        self._from_target = from_target

    async def run(self) -> Leg:
        """Pump until both directions are done; return which end closed first.

        Raises:
            VNCError: whatever a pump raised.
        """
        pumps = {
            asyncio.create_task(self._from_viewer.run()): Leg.VIEWER,
            asyncio.create_task(self._from_target.run()): Leg.TARGET,
        }
        try:
            done, rest = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            first = next(leg for pump, leg in pumps.items() if pump in done)
            results = [pump.result() for pump in done]  # each of them: a failed pump must raise here
            if rest and all(results):
                late, _ = await asyncio.wait(rest, timeout=LINGER)
                for pump in late:
                    pump.result()
            return first
        finally:
            await tasks.end(pumps)


async def write_in_time(sink: Channel, data: bytes, stall_timeout: float) -> None:
    """Write to a channel.

    Raises:
        Stalled: it did not take the bytes in ``stall_timeout`` seconds (0: no limit).
        ConnectionError: the peer is gone.
    """
    try:
        async with asyncio.timeout(stall_timeout or None):
            await sink.write(data)
    except TimeoutError:
        raise Stalled from None
