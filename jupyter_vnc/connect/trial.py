"""Trying a target step by step, so that whoever registers it sees how far it works, and what the machine shows."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from jupyter_vnc.exceptions import StoreUnavailable, TargetUnreachable, VNCError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.rfb.handshake import TargetHandshake

from . import thumbnail
from .connector import Connector
from .dial import unreachable

#: The steps, in their order.
STEPS: Final = ("name", "connection", "version", "security", "login", "picture")
#: For finding the addresses of a host's name (seconds).
NAME_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was taken: how long it took (seconds), what came of it, and what is wrong if it failed."""

    name: str
    seconds: float
    result: str = ""
    error: VNCError | None = None


@dataclass(slots=True)
class Trial:
    """The steps of one try, up to the one that failed; a picture, if it was successful."""

    steps: list[Step] = field(default_factory=list)
    picture: thumbnail.Thumbnail | None = None

    @property
    def error(self) -> VNCError | None:
        """What is wrong; None if nothing is."""
        return self.steps[-1].error if self.steps else None


class _Recorder:
    """Notes the steps as they are reached."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.trial = Trial()
        self._clock = clock
        self._since = clock()

    def reached(self, name: str, result: str = "", error: VNCError | None = None) -> None:
        """Note a step once."""
        if any(step.name == name for step in self.trial.steps):
            return
        now = self._clock()
        self.trial.steps.append(Step(name, now - self._since, result, error))
        self._since = now

    def failed(self, error: VNCError) -> None:
        """Note that the step after the last one has failed."""
        self.reached(STEPS[len(self.trial.steps)], error=error)

    def observe(self, handshake: TargetHandshake | None) -> None:
        """See :data:`~.login.Observe`."""
        self.reached("connection")
        if handshake is not None and handshake.version:
            self.reached("version", f"RFB {handshake.version}")
        if handshake is not None and handshake.security:
            self.reached("security", handshake.security)


async def try_target(
    target: Target,
    address: TCPAddress | UnixAddress,
    connector: Connector,
    clock: Callable[[], float] = time.perf_counter,
) -> Trial:
    """Try a target; what fails is the error of the last step, and not raised.

    Args:
        target: whose password and options count.
        address: where to try.
        connector: the one of all sessions, so that its limits of logins hold here, too.
        clock: in seconds.

    Raises:
        StoreUnavailable: nobody knows whether other processes log in there; that says nothing about the target.
    """
    recorder = _Recorder(clock)
    try:
        recorder.reached("name", await _resolve(address))
        leg = await connector.connect(target, address, recorder.observe)
        try:
            recorder.reached("login", f"logged in with {leg.security}")
            recorder.trial.picture = picture = await thumbnail.take(leg)
            recorder.reached("picture", f"{picture.width} x {picture.height} pixels")
        finally:
            await leg.channel.close()
    except StoreUnavailable:
        raise
    except VNCError as error:
        recorder.failed(error)
    except ConnectionError:
        recorder.failed(TargetUnreachable("The desktop has ended the connection."))
    return recorder.trial


async def _resolve(address: TCPAddress | UnixAddress) -> str:
    """Find the addresses of a host; a socket has a path and no name.

    Raises:
        TargetUnreachable: it has none, or nobody says so in time.
    """
    if (host := address.hostname) is None:
        return str(address.socket)
    try:
        async with asyncio.timeout(NAME_TIMEOUT):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise unreachable(error, address) from None
    return ", ".join(dict.fromkeys(str(place[0]) for *_, place in found))
