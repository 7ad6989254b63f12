"""Sessions: the live connections, from redeem to close, the limits on how many there are, and who makes way for whom.

Sharing is about control. Who only looks is admitted to every desktop that he may see, and is never in anybody's way;
who is in control is one person where the target is ``exclusive`` or ``takeover``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .exceptions import LimitExceeded, SessionEnded, TargetBusy, TargetNotFound, VNCError
from .targets import DesktopAddress, Mode, Sharing, Target, User


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class Session:
    """One live connection. ``id`` is public and never a credential; byte counts are as seen on the target leg.

    ``bytes_in`` came from the viewer, ``bytes_out`` went to it. ``last_input`` moves on keys, pointer and clipboard.
    ``takeover`` says that its user was told who is in control of an exclusive desktop, and wants it all the same.
    """

    user: User
    target: Target
    mode: Mode
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    since: datetime = field(default_factory=_now)
    last_input: datetime | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    takeover: bool = False
    #: The sessions that made way for it.
    replaced: tuple[Session, ...] = ()
    #: Why somebody ended it, once somebody has.
    error: VNCError | None = None
    _stop: Callable[[], Any] | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def place(self) -> tuple[str, ...]:
        """What it shows: equal for sessions that are on one desktop, under whatever name."""
        return place_of(self.user, self.target)

    def run_by(self, stop: Callable[[], Any]) -> None:
        """Set what ends the session: called once by its owner, at once if somebody has ended it already."""
        self._stop = stop
        if self.error is not None:
            stop()

    def end(self, error: VNCError) -> None:
        """End the session; the first reason stays."""
        if self.error is None:
            self.error = error
            if self._stop is not None:
                self._stop()

    def note_input(self) -> None:
        """Note that a person did something."""
        self.last_input = _now()

    def as_seen_by(self, user: User) -> dict[str, Any]:
        """One row of ``GET api/targets/{name}/viewers``."""
        mine = self.user.name == user.name
        return {"user": self.user.name, "mode": self.mode.value, "since": self.since.isoformat(), "you": mine}

    def public(self) -> dict[str, Any]:
        """One row of ``GET api/sessions``."""
        return {
            "id": self.id,
            "target": self.target.name,
            "mode": self.mode.value,
            "user": self.user.name,
            "since": self.since.isoformat(),
            "last_input": self.last_input.isoformat() if self.last_input else None,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
        }


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many sessions at once; 0 is no limit."""

    per_user: int = 8
    per_target: int = 8
    total: int = 64


class SessionRegistry:
    """The live list."""

    def __init__(self, limits: SessionLimits | None = None) -> None:
        self.limits = limits or SessionLimits()
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def check(self, user: User, target: Target, mode: Mode = Mode.CONTROL, *, takeover: bool = False) -> None:
        """Check that a new session may be.

        Raises:
            TargetBusy: somebody else is in control of an exclusive target; names him.
            LimitExceeded: says which limit it is.
        """
        self._check(Session(user, target, mode, takeover=takeover))

    def _check(self, newcomer: Session) -> tuple[Session, ...]:
        """Check that a new session may be; return those that make way for it."""
        leaving = self._rivals(newcomer)
        user, target = newcomer.user, newcomer.target
        if target.sharing is Sharing.EXCLUSIVE and not newcomer.takeover:
            for other in leaving:
                # A user is never locked out by what is left of his own earlier session: a reload looks like that.
                if other.user.name != user.name:
                    raise TargetBusy(f"{other.user.name} is using this desktop.")
        self._check_limits(user, target, [other for other in self if other not in leaving])
        return leaving

    def _rivals(self, newcomer: Session) -> tuple[Session, ...]:
        """The sessions with which a new one cannot be."""
        if newcomer.target.sharing is Sharing.SHARED or newcomer.mode is Mode.VIEW:
            return ()
        here = self.at(newcomer.user, newcomer.target)
        return tuple(other for other in here if other.mode is Mode.CONTROL)

    def _check_limits(self, user: User, target: Target, staying: list[Session]) -> None:
        of_target = target.limits.max_sessions or self.limits.per_target
        # A managed desktop or a {username} socket is the user's own: the target's limit counts servers, not names.
        on_server = sum(other.target.address == target.address for other in staying if other.target.name == target.name)
        of_user = sum(other.user.name == user.name for other in staying)
        rows = (
            (self.limits.total, len(staying), "The server has {} open desktops, its limit."),
            (self.limits.per_user, of_user, "You have {} open desktops."),
            (of_target, on_server, "This desktop has {} viewers, its limit."),
        )
        for limit, count, sentence in rows:
            if limit and count >= limit:
                raise LimitExceeded(f"{sentence.format(count)} Close one and try again.", retry_after=5.0)

    def add(self, session: Session) -> Session:
        """Admit a session, and end those that make way for it.

        Raises:
            TargetBusy: see :meth:`check`.
            LimitExceeded: see :meth:`check`.
        """
        session.replaced = self._check(session)
        self._sessions[session.id] = session
        for other in session.replaced:
            other.end(TargetBusy(_taken_by(session, other)))
        return session

    def remove(self, session: Session) -> None:
        """Forget a session that has ended; the last thing that happens to it."""
        self._sessions.pop(session.id, None)

    def at(self, user: User, target: Target) -> list[Session]:
        """Everybody's sessions on the desktop that this target is for this user."""
        place = place_of(user, target)
        return [session for session in self if session.place == place and session.error is None]

    def of(self, user: User) -> list[Session]:
        """The user's own sessions; all of them for an admin."""
        return [session for session in self if user.admin or session.user.name == user.name]

    def end(self, session_id: str, user: User) -> None:
        """End one of the sessions that :meth:`of` lists.

        Raises:
            TargetNotFound: there is none with this id that the user may end.
        """
        for session in self.of(user):
            if session.id == session_id:
                session.end(SessionEnded(_ended_by(user, session)))
                return
        raise TargetNotFound("There is no such session.")


def place_of(user: User, target: Target) -> tuple[str, ...]:
    """Name the desktop that a target is for a user; a managed one is his own."""
    if isinstance(target.address, DesktopAddress):
        return ("managed", user.name, target.name)
    return ("server", str(target.address))


def _taken_by(newcomer: Session, other: Session) -> str:
    if newcomer.user.name == other.user.name:
        return "You have opened it in another window."
    return f"{newcomer.user.name} is using it now."


def _ended_by(user: User, session: Session) -> str:
    if user.name == session.user.name:
        return "You ended this session."
    return "An administrator ended this session."
