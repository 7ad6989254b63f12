"""From a target to a logged-in connection: dial, run the handshake, keep a server's own lock-out from firing.

Real servers lock a peer out after a few unauthenticated or refused connections, and for all of our users the peer is
this process. So: two handshakes at a time for each server, no bare probes, a breaker after refused logins, and a login
that has begun is seen through although the page that wanted it is gone.
"""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final

from jupyter_vnc.channels import Channel, StreamChannel
from jupyter_vnc.exceptions import TargetRefused, TargetUnreachable, VNCError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login
from jupyter_vnc.rfb.stream import Conversation
from jupyter_vnc.system.logs import get_logger
from jupyter_vnc.throttling import Breaker

from .channel_wrappers import TightChannel, TransformedChannel
from .dial import RETRY_PAUSE, dial
from .passwords import load_password
from .security import is_trusted, late_failure, policy_of, start_tls

log = get_logger(__name__)

#: Logins under way at once for each server: TigerVNC refuses three of eight that come together.
HANDSHAKES_AT_ONCE: Final = 2

#: Called with None once the server is connected, and then with the handshake whenever it has got further.
Observe = Callable[[TargetHandshake | None], None]

#: Seconds that a login may take to finish after its page is gone. TigerVNC locks everybody out after five
#: connections that never logged in, and a page that is closed in a hurry would leave one.
SEE_THROUGH: Final = 2.0


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


class Connector:
    """Connects and logs in. One for all sessions, because its limits are per server."""

    def __init__(self, limits: ConnectLimits | None = None, breaker: Breaker | None = None) -> None:
        self._limits = limits or ConnectLimits()
        self._breaker = breaker or Breaker(3, open_for=30.0)
        self._gates: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()

    async def connect(
        self, target: Target, address: TCPAddress | UnixAddress, observe: Observe = lambda _: None
    ) -> TargetLeg:
        """Connect to a target and log in.

        Args:
            target: whose password and options count.
            address: where it is.
            observe: told how far it has got; see :mod:`.trial`.

        Raises:
            TargetUnreachable: see :func:`~jupyter_vnc.connect.dial.dial`; also when nobody answered, or no slot was
                free in time.
            TargetRefused: the credentials were refused, now or three times before.
            TargetProtocolError: it does not speak RFB, or no security type is common.
        """
        key = str(address)
        self._check_breaker(key)
        login = Login(target.credentials.username, await load_password(target.credentials, target.name))
        limits = self._limits_of(target)
        gate = self._gates.setdefault(key, asyncio.Semaphore(HANDSHAKES_AT_ONCE))
        deadline = asyncio.get_running_loop().time() + limits.connect_timeout
        try:
            async with asyncio.timeout_at(deadline):
                await gate.acquire()
        except TimeoutError:
            raise TargetUnreachable("The desktop is busy with other logins. Try again.", detail=key) from None
        try:
            # Whoever waited here behind refused logins must not be the next one.
            self._check_breaker(key)
            return await _see_through(self._log_in(target, address, login, limits, deadline, observe))
        finally:
            gate.release()

    def _check_breaker(self, key: str) -> None:
        if wait := self._breaker.open_for(key):
            raise TargetRefused(
                "The desktop refused the configured credentials several times. Tell your administrator; "
                f"the next try is possible in {wait:.0f} seconds.",
                detail=key,
            )

    def _limits_of(self, target: Target) -> ConnectLimits:
        return replace(
            self._limits,
            connect_timeout=target.limits.connect_timeout or self._limits.connect_timeout,
            handshake_timeout=target.limits.handshake_timeout or self._limits.handshake_timeout,
        )

    async def _log_in(
        self,
        target: Target,
        address: TCPAddress | UnixAddress,
        login: Login,
        limits: ConnectLimits,
        deadline: float,
        observe: Observe,
    ) -> TargetLeg:
        """Dial and run the handshake; a Unix socket whose server closes without a byte is tried again in time."""
        loop = asyncio.get_running_loop()
        while True:
            channel = await self._dial(address, deadline)
            observe(None)
            try:
                leg = await self._handshake(target, address, channel, login, limits, observe)
            except TargetRefused:
                self._breaker.failed(str(address))
                await channel.close()
                raise
            except SilentPeerError:
                await channel.close()
                pause = random.uniform(*RETRY_PAUSE)  # noqa: S311 - jitter
                if not address.silence_is_busy or loop.time() + pause > deadline:
                    sentence = "The desktop closed the connection without sending anything."
                    raise TargetUnreachable(sentence, detail=str(address)) from None
                await asyncio.sleep(pause)
            except BaseException:
                await channel.close()
                raise
            else:
                self._breaker.succeeded(str(address))
                return leg

    async def _dial(self, address: TCPAddress | UnixAddress, deadline: float) -> StreamChannel:
        try:
            async with asyncio.timeout_at(deadline):
                return await dial(address)
        except TimeoutError:
            raise TargetUnreachable("The desktop did not answer in time.", detail=str(address)) from None

    async def _handshake(
        self,
        target: Target,
        address: TCPAddress | UnixAddress,
        channel: StreamChannel,
        login: Login,
        limits: ConnectLimits,
        observe: Observe,
    ) -> TargetLeg:
        def pauses() -> bool:
            observe(handshake)
            return handshake.needs_tls is not None

        deadline = asyncio.get_running_loop().time() + limits.handshake_timeout
        try:
            async with asyncio.timeout_at(deadline):
                # The server speaks first (RFC 6143, section 7.1.1); until it has, nobody knows whose it is.
                if not (greeting := await channel.read()):
                    raise SilentPeerError
                trusted = await is_trusted(target, address, channel)
                handshake = TargetHandshake(login, policy_of(target, address, trusted))
                handshake.receive_data(greeting)
                await converse(handshake, channel, paused=pauses)
                while (request := handshake.needs_tls) is not None:
                    handshake.tls_established(await start_tls(channel, request, target, address))
                    try:
                        await converse(handshake, channel, paused=pauses)
                    except VNCError as error:
                        raise error if request.anonymous else late_failure(error, channel, target, address) from None
        except TimeoutError:
            sentence = "The desktop did not finish its greeting in time."
            raise TargetUnreachable(sentence, detail=str(address)) from None
        log.debug("Logged in to %s: RFB %s, security %s", target.name, handshake.version, handshake.security)
        return replace(_leg_of(channel, handshake), deadline=deadline)


async def _see_through(login: Coroutine[Any, Any, TargetLeg]) -> TargetLeg:
    """Log in; when cancelled, wait a little for the end of it all the same, and leave nothing."""
    task = asyncio.create_task(login)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _give_up(task)
        raise


async def _give_up(task: asyncio.Task[TargetLeg]) -> None:
    """End a login that is no longer needed; a second cancellation ends it at once."""
    try:
        await asyncio.wait([task], timeout=SEE_THROUGH)
    finally:
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, TargetLeg):
            await outcome.channel.close()


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
