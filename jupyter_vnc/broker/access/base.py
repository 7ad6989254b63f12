"""The contract: what depends on the kind of a target's address, with the defaults that most kinds share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import TargetLeg
from jupyter_vnc.desktops.sound.sound import Link
from jupyter_vnc.exceptions import DesktopFailed, TargetError, TargetNotFound
from jupyter_vnc.model.addresses import DesktopAddress, PoolAddress, TCPAddress, UnixAddress, UserServerAddress
from jupyter_vnc.model.causes import Cause
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import State, Target
from jupyter_vnc.model.users import User

A = TypeVar("A", TCPAddress | UnixAddress, DesktopAddress, PoolAddress, UserServerAddress)

#: Connects to a server and logs in; see :meth:`~jupyter_vnc.connect.connector.Connector.connect`.
Connect = Callable[[Target, TCPAddress | UnixAddress], Coroutine[Any, Any, TargetLeg]]

#: A trial of a target: a suffix for its name, and what to await for the result if it succeeds.
Trial = tuple[str, Callable[[], Awaitable[str]]]


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """A pool in numbers: its machines by state, how many users wait, and since when the first one (seconds)."""

    name: str
    machines: Mapping[str, int]
    waiting: int
    longest_wait: float


class TargetAccess(ABC, Generic[A]):
    """Access to the targets of one kind of address: how one is reached, and what its use and its end mean.

    One object serves all targets of its kind. Which desktop two sessions share is not asked here: that is a matter of
    values, which each address answers itself (its method ``place``).
    """

    #: Whether what is behind a target may change while people use it or wait for it, so that it is looked up again.
    may_change: ClassVar[bool] = False

    def _address(self, target: Target) -> A:
        """Return a target's address, which is of this kind: :class:`~.kinds.AccessKinds` sends no other here."""
        return cast("A", target.address)

    @abstractmethod
    def state(self, target: Target, owner: User) -> State:
        """Return what is known of a target without connecting to it."""

    @abstractmethod
    async def connect(self, session: Session) -> TargetLeg:
        """Return a logged-in connection to a session's target, which is started or waited for where that is needed.

        Raises:
            VNCError: it cannot be reached; the session then ends with this.
        """

    @abstractmethod
    def trials(self, target: Target, user: User, connector: Connector) -> list[Trial]:
        """List what there is to try, to find out whether a target answers; see ``jupyter vnc check``.

        What is awaited raises :class:`~jupyter_vnc.exceptions.VNCError` where it does not.
        """

    def found(self, target: Target) -> None:
        """Note a target as the sources have it now; the catalogue calls this each time that it finds it."""

    def lost(self, name: str) -> None:
        """Note that the sources have no target of this name and kind any more."""

    def succeeded(self, session: Session) -> None:
        """Note that a session has a picture: its target works."""

    def failed(self, session: Session, error: TargetError) -> bool:
        """Note that a session has reached its target, and gets no picture from it.

        Returns:
            Whether the session ends with this error, because its viewer gets something else when it comes again.
        """
        return False

    def attach(self, session: Session) -> None:
        """Note that a session has reached its target."""

    def detach(self, session: Session) -> None:
        """Note that a session which was attached has left."""

    def touch(self, session: Session) -> None:
        """Note that somebody does something in a session: what it shows is not idle."""

    async def ending(self, session: Session) -> str:
        """Say why a target has ended the connection of a session; empty where nothing is known.

        Raises:
            TargetUnreachable: it crashed, so that a viewer that reconnects starts it again.
        """
        return ""

    def power(self, target: Target) -> bool:
        """Whether a viewer may shut the machine down, restart and reset it (xvp)."""
        return target.viewer.power

    def has_sound(self, target: Target, owner: User) -> bool:
        """Whether a target of an owner can be heard."""
        return False

    async def listen(self, target: Target, owner: User) -> Link:
        """Connect to what brings a target's sound; see :mod:`jupyter_vnc.desktops.sound.messages`.

        Raises:
            DesktopFailed: there is none.
        """
        raise DesktopFailed("This desktop has no sound.")

    def has_video(self, target: Target, owner: User) -> bool:
        """Whether what moves on a target of an owner can be seen as video."""
        return False

    async def watch(self, target: Target, owner: User) -> Link:
        """Connect to what brings a target's video; see :mod:`jupyter_vnc.desktops.video.messages`.

        Raises:
            DesktopFailed: there is none.
        """
        raise DesktopFailed("This desktop has no video.")

    def summary(self, target: Target, owner: User) -> dict[str, Any] | None:
        """Return the owner's machine or place in the queue: the key ``pool`` of ``GET api/targets``."""
        return None

    def machines(self, target: Target) -> list[dict[str, Any]]:
        """List the machines behind a target, and who has them."""
        return []

    def waiting(self, target: Target) -> list[dict[str, Any]]:
        """List the users who wait for a machine."""
        return []

    def figures(self) -> list[PoolFigures]:
        """Return the numbers of pools; those of a pool that nobody has looked at since the start are not known."""
        return []

    def keep(self, target: Target, owner: User) -> None:
        """Note that a target's owner wants to keep what they have of it, though they do nothing there.

        Raises:
            TargetNotFound: they have nothing.
        """
        raise TargetNotFound("There is no machine to keep.")

    def release(self, target: Target, owner: User, why: Cause) -> None:
        """Take back what a target's owner has of it, or the place in its queue.

        Raises:
            TargetNotFound: there is nothing to take back.
        """
        raise TargetNotFound("There is no machine to give back.")


async def log_in(target: Target, address: TCPAddress | UnixAddress, connector: Connector) -> str:
    """Log in to a server and leave; return what to say of it.

    Raises:
        VNCError: see :meth:`~jupyter_vnc.connect.connector.Connector.connect`.
    """
    leg = await connector.connect(target, address)
    await leg.channel.close()
    return f"ok, logged in with {leg.security}"
