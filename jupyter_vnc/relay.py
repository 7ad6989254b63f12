"""The relay: two pumps that join a session's ends. It knows bytes and backpressure, nothing else.

Each pump reads only when its other end has taken what was read before, so a slow viewer slows the target down and not
the other way round into our memory. A peer that takes nothing for ``stall_timeout`` ends the session; one that closes
its side closes ours, and what was on its way is delivered first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from .channels import Channel
from .exceptions import Stalled

#: How long the other direction may go on after one end has closed its side (seconds).
LINGER: Final = 2.0

#: Looks at bytes on their way and returns those that go on.
Filter = Callable[[bytes], bytes]


class Leg(StrEnum):
    """The two ends of a session."""

    VIEWER = "viewer"
    TARGET = "target"


class Relay:
    """Joins two channels until one of them is done.

    Args:
        viewer: the browser's end.
        target: the VNC server's end.
        stall_timeout: seconds that a peer may take nothing; 0 for no limit.
        from_viewer: sees each piece from the viewer, returns what the target gets; may raise to end the session.
        from_target: sees each piece from the target, returns what the viewer gets.
    """

    def __init__(
        self,
        viewer: Channel,
        target: Channel,
        *,
        stall_timeout: float,
        from_viewer: Filter,
        from_target: Filter,
    ) -> None:
        self._viewer = viewer
        self._target = target
        self._stall_timeout = stall_timeout or None
        self._from_viewer = from_viewer
        self._from_target = from_target

    async def run(self, *, early_viewer: bytes = b"", early_target: bytes = b"") -> Leg:
        """Pump until both directions are done; return which end closed first.

        ``early_viewer`` and ``early_target`` are bytes that came behind a handshake.

        Raises:
            Stalled: a peer took nothing for ``stall_timeout`` seconds.
            VNCError: whatever a filter raised.
        """
        pumps = {
            asyncio.create_task(self._pump(self._viewer, self._target, self._from_viewer, early_viewer)): Leg.VIEWER,
            asyncio.create_task(self._pump(self._target, self._viewer, self._from_target, early_target)): Leg.TARGET,
        }
        try:
            done, rest = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            results = [pump.result() for pump in done]  # each of them: a failed pump must raise here
            if rest and all(results):
                await asyncio.wait(rest, timeout=LINGER)
            return pumps[done.pop()]
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: Channel, sink: Channel, look: Filter, early: bytes) -> bool:
        """Move bytes one way until the source is done; return whether the other way may still go on."""
        data = early or await source.read()
        try:
            while data:
                if data := look(data):
                    await self._write(sink, data)
                data = await source.read()
            return await sink.write_eof()
        except ConnectionError:
            return False

    async def _write(self, sink: Channel, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._stall_timeout):
                await sink.write(data)
        except TimeoutError:
            raise Stalled from None
