"""From a target to a logged-in connection: dial, run the handshake, keep a server's own lock-out from firing.

Real servers lock a peer out after a few unauthenticated or refused connections, and for all of our users the peer is
this process. So: two handshakes at a time for each server, no bare probes, a breaker after refused logins, and a login
that has begun is seen through although the page that wanted it is gone.
"""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from jupyter_vnc.channels import StreamChannel
from jupyter_vnc.exceptions import TargetRefused, TargetUnreachable
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.rfb.security import Login
from jupyter_vnc.throttling import Breaker

from .dial import RETRY_PAUSE, dial
from .gate import HANDSHAKES_AT_ONCE, Gate, Turn
from .login import Attempt, ConnectLimits, Observe, SilentPeerError, TargetLeg, log_in
from .passwords import load_password

#: Seconds that a login may take to finish after its page is gone. TigerVNC locks everybody out after five
#: connections that never logged in, and a page that is closed in a hurry would leave one.
SEE_THROUGH: Final = 2.0


class Connector:
    """Connects and logs in. One for all sessions, because its limits are per server."""

    def __init__(self, limits: ConnectLimits | None = None, breaker: Breaker | None = None) -> None:
        self._limits = limits or ConnectLimits()
        #: What comes after the turn in this process; a host with several processes sets another one.
        self.gate = Gate(breaker)
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
            StoreUnavailable: nobody knows whether other processes log in there.
        """
        key = str(address)
        await self.gate.check(key)
        login = Login(target.credentials.username, await load_password(target.credentials, target.name))
        attempt = Attempt(target, address, login, self._limits_of(target), observe)
        deadline = asyncio.get_running_loop().time() + attempt.limits.connect_timeout
        longest = attempt.limits.connect_timeout + attempt.limits.handshake_timeout + 2 * SEE_THROUGH
        async with self._slot(key, deadline), self.gate.turn(key, deadline, longest) as turn:
            return await _see_through(self._log_in(attempt, deadline + turn.waited, turn))

    @asynccontextmanager
    async def _slot(self, key: str, deadline: float) -> AsyncIterator[None]:
        """Wait for, and keep, one of the logins that a server may have at once.

        Raises:
            VNCError: none was free in time; see :meth:`.Gate.overdue`.
        """
        gate = self._gates.setdefault(key, asyncio.Semaphore(HANDSHAKES_AT_ONCE))
        try:
            async with asyncio.timeout_at(deadline):
                await gate.acquire()
        except TimeoutError:
            raise self.gate.overdue(key) from None
        try:
            yield
        finally:
            gate.release()

    def _limits_of(self, target: Target) -> ConnectLimits:
        return replace(
            self._limits,
            connect_timeout=target.limits.connect_timeout or self._limits.connect_timeout,
            handshake_timeout=target.limits.handshake_timeout or self._limits.handshake_timeout,
        )

    async def _log_in(self, attempt: Attempt, deadline: float, turn: Turn) -> TargetLeg:
        """Dial and run the handshake; a Unix socket whose server closes without a byte is tried again in time."""
        while True:
            try:
                return await self._try_once(attempt, deadline, turn)
            except SilentPeerError:
                await _pause_before_retry(attempt.address, deadline)

    async def _try_once(self, attempt: Attempt, deadline: float, turn: Turn) -> TargetLeg:
        """Dial and run the handshake; note how it ended. Nothing stays open after an error."""
        channel = await _dial(attempt.address, deadline)
        attempt.observe(None)
        try:
            leg = await log_in(attempt, channel)
        except BaseException as error:
            if isinstance(error, TargetRefused):
                turn.refused = True
            await channel.close()
            raise
        turn.refused = False
        return leg


async def _dial(address: TCPAddress | UnixAddress, deadline: float) -> StreamChannel:
    try:
        async with asyncio.timeout_at(deadline):
            return await dial(address)
    except TimeoutError:
        raise TargetUnreachable("The desktop did not answer in time.", detail=str(address)) from None


async def _pause_before_retry(address: TCPAddress | UnixAddress, deadline: float) -> None:
    """Wait a moment before a silent server is tried again.

    Raises:
        TargetUnreachable: its silence does not mean that it is busy, or the time is over.
    """
    pause = random.uniform(*RETRY_PAUSE)  # noqa: S311 - jitter
    if not address.silence_is_busy or asyncio.get_running_loop().time() + pause > deadline:
        sentence = "The desktop closed the connection without sending anything."
        raise TargetUnreachable(sentence, detail=str(address)) from None
    await asyncio.sleep(pause)


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
