"""Zero copy: the kernel moves what the target sends to the browser, and Python writes the heads of the frames.

``splice(2)`` moves bytes from the target's socket into a pipe, without waiting: now it is known how many there are. A
frame's head says so, and ``splice`` moves them on to the browser's socket. Pages change hands; no byte of a picture
comes to user space. It works where both sockets are plain: no TLS, and nothing wrapped around the target leg. What is
little is copied all the same, because that is cheaper.

:func:`pump_to_viewer` is the one place that decides which way a session's bytes go.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Protocol, runtime_checkable

from jupyter_vnc.channels import Channel, StreamChannel
from jupyter_vnc.system.logs import get_logger

from .frames import FrameWriter
from .pipes import PipePool
from .relay import Copier, Filter, Pump, write_in_time
from .scheduler import FairScheduler
from .splice import Carrier, Engine, Gauge, Outcome

log = get_logger(__name__)


class CannotLend(Exception):
    """The viewer's socket must not be written past its owner; says why."""


@runtime_checkable
class Lender(Protocol):
    """A viewer's end that can lend the write side of its socket."""

    def lend(self) -> FrameWriter:
        """Return the one that writes frames from now on.

        Raises:
            CannotLend: says why not.
        """


def available() -> bool:
    """Whether this system can splice at all."""
    return hasattr(os, "splice") and hasattr(fcntl, "F_SETPIPE_SZ")


def pump_to_viewer(
    target: Channel,
    viewer: Channel,
    *,
    count: Callable[[int], None],
    stall_timeout: float,
    pipes: PipePool,
    scheduler: FairScheduler,
    session_id: str,
    look: Callable[[bytes], bool] | None = None,
) -> Pump:
    """Return what moves a session's pictures, the cheapest way that its two ends permit.

    Args:
        target: where bytes come from.
        viewer: where they go.
        count: called with the number of bytes that pass.
        stall_timeout: seconds that the viewer may take nothing; 0 for no limit.
        pipes: lends the pipes.
        scheduler: schedules sessions that have much to move.
        session_id: for the log.
        look: is shown the bytes at the beginning, until it returns False. These are copied.
    """
    gauge = Gauge(count, look)
    try:
        source, frames = _plain(target), _lend(viewer)
    except CannotLend as error:
        log.debug("Session %s: bytes are copied: %s", session_id, error)
        return Copier(target, viewer, _showing(gauge), stall_timeout=stall_timeout)
    log.debug("Session %s: zero copy", session_id)
    return Splicer(source, viewer, frames, pipes, scheduler, gauge=gauge, stall_timeout=stall_timeout)


class Splicer:
    """A pump from a target's socket to a browser's, through a pipe. Made by :func:`pump_to_viewer`."""

    def __init__(
        self,
        target: StreamChannel,
        viewer: Channel,
        frames: FrameWriter,
        pipes: PipePool,
        scheduler: FairScheduler,
        *,
        gauge: Gauge,
        stall_timeout: float,
    ) -> None:
        self._target = target
        self._viewer = viewer
        self._frames = frames
        self._pipes = pipes
        self._scheduler = scheduler
        self._gauge = gauge
        self._stall_timeout = stall_timeout

    async def run(self) -> bool:
        """See :meth:`~jupyter_vnc.relay.relay.Pump.run`."""
        try:
            with closing(self._frames), self._pipes.member():
                source, buffered = await self._target.take_over()
                with source:
                    await self._copy(buffered)
                    await self._pump(source)
            return await self._viewer.write_eof()
        except ConnectionError:
            return False

    async def _copy(self, data: bytes) -> None:
        """Send bytes that are in our hands."""
        if data:
            self._gauge.see(data)
            await write_in_time(self._viewer, data, self._stall_timeout)

    async def _pump(self, source: socket.socket) -> None:
        """Move pieces until the target says that no more comes."""
        with closing(Carrier(source, self._frames, self._pipes, self._gauge)) as carrier:
            engine = Engine(source, carrier, self._scheduler)
            while await engine.run() is Outcome.FULL:
                await carrier.settle(self._stall_timeout)


def _plain(target: Channel) -> StreamChannel:
    if not available():
        raise CannotLend("this system does not splice")
    if not isinstance(target, StreamChannel):
        raise CannotLend("the target's login wraps its bytes")
    if target.encrypted:
        raise CannotLend("the target leg is TLS")
    return target


def _lend(viewer: Channel) -> FrameWriter:
    if not isinstance(viewer, Lender):
        raise CannotLend("the viewer's end does not lend its socket")
    return viewer.lend()


def _showing(gauge: Gauge) -> Filter:
    def look(data: bytes) -> bytes:
        gauge.see(data)
        return data

    return look
