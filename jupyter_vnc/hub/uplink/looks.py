"""Looks, in the service: a user's server is asked for a desktop, and brings it in a websocket of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from jupyter_vnc.channels import Channel
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import TargetUnreachable
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User
from jupyter_vnc.tokens import TOKEN_BYTES, digest_of

#: Seconds within which a server brings what it was asked for.
PATIENCE: Final = 15.0
#: Seconds within which a server that has lost its uplink is back, or what it shows ends: only the uplink is checked for
#: whether the server may still connect. A server that stops says so in the websocket of each look.
BREAK: Final = 15.0


class Asked(Protocol):
    """The part of a :class:`~.uplinks.Link` that is needed here."""

    owner: User
    server: str

    def send(self, notice: dict[str, Any]) -> None:
        """Send a notice."""


class Shown(Protocol):
    """A websocket in which a server shows a desktop."""

    owner: User
    server: str

    def cut(self) -> None:
        """End it at once."""


@dataclass(frozen=True, slots=True)
class Look:
    """A desktop that a server was asked for; ``came`` gets the way to it."""

    owner: str
    server: str
    came: asyncio.Future[Channel]


class Looks:
    """What users' servers were asked for, until they bring it. Each has a token that works once, for that server."""

    def __init__(self, *, patience: float = PATIENCE, pause: float = BREAK) -> None:
        self._patience, self._pause = patience, pause
        self._shown: set[Shown] = set()
        self._waiting: dict[str, Look] = {}

    async def ask(self, link: Asked, target: str, sender: User, mode: Mode = Mode.VIEW) -> Channel:
        """Ask a server for one of its desktops, and wait until it brings it.

        Raises:
            TargetUnreachable: it does not, or it is gone.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        key = digest_of(token)
        look = Look(link.owner.name, link.server, asyncio.get_running_loop().create_future())
        self._waiting[key] = look
        try:
            notice = {"type": "look", "target": target, "sender": sender.name, "token": token}
            link.send(notice if mode is Mode.VIEW else notice | {"mode": mode.value})
            async with asyncio.timeout(self._patience):
                return await look.came
        except TimeoutError:
            await _drop(look)
            raise TargetUnreachable(f"The server of {printable(look.owner)} did not answer in time.") from None
        except BaseException:
            await _drop(look)
            raise
        finally:
            self._waiting.pop(key, None)

    def take(self, token: str, owner: str, server: str) -> Look | None:
        """Take what a token is for, if it was given to this server; nobody else can use one up."""
        look = self._waiting.get(digest_of(token))
        if look is None or (look.owner, look.server) != (owner, server):
            return None
        return self._waiting.pop(digest_of(token))

    def begun(self, shown: Shown) -> None:
        """Note that a server shows a desktop."""
        self._shown.add(shown)

    def over(self, shown: Shown) -> None:
        """Note that this has ended."""
        self._shown.discard(shown)

    def left(self, link: Asked, is_back: Callable[[], bool]) -> None:
        """Note that a server has no uplink any more: unless it soon is back, what it shows ends."""
        if shown := [one for one in self._shown if (one.owner.name, one.server) == (link.owner.name, link.server)]:
            asyncio.get_running_loop().call_later(self._pause, self._cut, shown, is_back)

    def _cut(self, shown: list[Shown], is_back: Callable[[], bool]) -> None:
        if not is_back():
            for one in self._shown.intersection(shown):
                one.cut()

    def lost(self, link: Asked) -> None:
        """Note that a server is gone: it brings nothing any more."""
        for look in self._waiting.values():
            if (look.owner, look.server) == (link.owner.name, link.server) and not look.came.done():
                look.came.set_exception(TargetUnreachable(f"The server of {printable(look.owner)} is gone."))


async def _drop(look: Look) -> None:
    """Close what has come in the moment in which nobody waited for it any more."""
    if look.came.done() and not look.came.cancelled() and look.came.exception() is None:
        await look.came.result().close()
