"""Logging in over a connection that is open: the handshake, its TLS and its limit, and the leg that comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from jupyter_vnc.channels import Channel, StreamChannel
from jupyter_vnc.exceptions import TargetRefused, TargetUnreachable, VNCError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login
from jupyter_vnc.rfb.stream import Conversation
from jupyter_vnc.system.logs import get_logger

from .channel_wrappers import TightChannel, TransformedChannel
from .security import is_trusted, late_failure, policy_of, start_tls

log = get_logger(__name__)

#: Called with None once the server is connected, and then with the handshake whenever it has got further.
Observe = Callable[[TargetHandshake | None], None]


class SilentPeerError(Exception):
    """The peer closed before its first byte: a full backlog or a server that is not up yet."""


async def converse(handshake: Conversation, channel: Channel, *, paused: Callable[[], bool]) -> None:
    """Move bytes between a handshake and a channel until it is done or pauses; the caller sets the time limit.

    Args:
        handshake: the state machine.
        channel: carries its bytes.
        paused: whether it wants something else than bytes before it goes on.

    Raises:
        VNCError: the handshake failed.
    """
    while True:
        if data := handshake.data_to_send():
            await _send(channel, data)
        if handshake.exc is not None:
            raise handshake.exc
        if handshake.done or paused():
            return
        if data := await channel.read():
            handshake.receive_data(data)
        else:
            handshake.receive_eof()


async def _send(channel: Channel, data: bytes) -> None:
    """Send the handshake's bytes; a peer that is gone is noticed at the next read, with its last message."""
    try:
        await channel.write(data)
    except ConnectionError as error:
        log.debug("The peer closed during the handshake: %s", error)


@dataclass(slots=True)
class TargetLeg:
    """A logged-in connection. ``early`` came behind the handshake; ``security`` names the scheme, for the log.

    ``deadline`` is when the whole handshake must be over, up to ServerInit (the event loop's time); None if nothing was
    waited for yet.
    """

    channel: Channel
    early: bytes
    security: str
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectLimits:
    """Seconds for connecting (including the wait for a free slot), and for the whole handshake after it."""

    connect_timeout: float = 10.0
    handshake_timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one login needs to know; see :meth:`.Connector.connect`."""

    target: Target
    address: TCPAddress | UnixAddress
    login: Login
    limits: ConnectLimits
    observe: Observe


async def log_in(attempt: Attempt, channel: StreamChannel) -> TargetLeg:
    """Run the handshake up to the login, within its limit.

    Raises:
        SilentPeerError: the server closed without a byte.
        TargetUnreachable: it did not finish in time.
        VNCError: the handshake failed.
    """
    deadline = asyncio.get_running_loop().time() + attempt.limits.handshake_timeout
    try:
        async with asyncio.timeout_at(deadline):
            handshake = await _negotiate(attempt, channel)
    except TimeoutError:
        sentence = "The desktop did not finish its greeting in time."
        raise TargetUnreachable(sentence, detail=str(attempt.address)) from None
    log.debug("Logged in to %s: RFB %s, security %s", attempt.target.name, handshake.version, handshake.security)
    return replace(_leg_of(channel, handshake), deadline=deadline)


async def _negotiate(attempt: Attempt, channel: StreamChannel) -> TargetHandshake:
    """Greet, agree on a security type, switch to TLS where that asks for it, and log in.

    Raises:
        SilentPeerError: the server closed without a byte.
        VNCError: the handshake failed.
    """

    def pauses() -> bool:
        attempt.observe(handshake)
        return handshake.needs_tls is not None

    target, address = attempt.target, attempt.address
    # The server speaks first (RFC 6143, section 7.1.1); until it has, nobody knows whose it is.
    if not (greeting := await channel.read()):
        raise SilentPeerError
    trusted = await is_trusted(target, address, channel)
    handshake = TargetHandshake(attempt.login, policy_of(target, address, trusted))
    handshake.receive_data(greeting)
    await converse(handshake, channel, paused=pauses)
    while (request := handshake.needs_tls) is not None:
        handshake.tls_established(await start_tls(channel, request, target, address))
        try:
            await converse(handshake, channel, paused=pauses)
        except VNCError as error:
            raise error if request.anonymous else late_failure(error, channel, target, address) from None
    return handshake


def _leg_of(channel: Channel, handshake: TargetHandshake) -> TargetLeg:
    """The leg after its handshake, inside whatever the security type has wrapped around it."""
    early = handshake.leftover()
    if early and handshake.login_sent:
        # neatvnc 0.5 (wayvnc of Debian 12) says "yes" to a wrong password, sends whatever its memory holds, and closes.
        sentence = "The desktop refused the configured login: it answered with neither yes nor no."
        raise TargetRefused(sentence, detail=f"{len(early)} bytes ahead of ClientInit")
    if handshake.transform is not None:
        channel = TransformedChannel(channel, handshake.transform)
    if handshake.extended_server_init:
        channel, early = TightChannel(channel, early), b""
    return TargetLeg(channel, early, handshake.security)
