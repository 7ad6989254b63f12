"""Sessions: the live connections, from redeem to close, and the limits on how many there are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .exceptions import LimitExceeded, SessionEnded, TargetNotFound, VNCError
from .targets import Mode, Target, User


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class Session:
    """One live connection. ``id`` is public and never a credential; byte counts are as seen on the target leg.

    ``bytes_in`` came from the viewer, ``bytes_out`` went to it. ``last_input`` moves on keys, pointer and clipboard.
    """

    user: User
    target: Target
    mode: Mode
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    since: datetime = field(default_factory=_now)
    last_input: datetime | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    #: Why somebody ended it, once somebody has.
    error: VNCError | None = None
    _stop: Callable[[], Any] | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

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

    def check(self, user: User, target: Target) -> None:
        """Check that one more session fits.

        Raises:
            LimitExceeded: says which limit it is.
        """
        of_target = target.limits.max_sessions or self.limits.per_target
        # A managed desktop or a {username} socket is the user's own: the target's limit counts servers, not names.
        on_server = sum(other.target.address == target.address for other in self if other.target.name == target.name)
        rows = (
            (self.limits.total, len(self), "The server has {} open desktops, its limit."),
            (self.limits.per_user, sum(other.user.name == user.name for other in self), "You have {} open desktops."),
            (of_target, on_server, "This desktop has {} viewers, its limit."),
        )
        for limit, count, sentence in rows:
            if limit and count >= limit:
                raise LimitExceeded(f"{sentence.format(count)} Close one and try again.", retry_after=5.0)

    def add(self, session: Session) -> Session:
        """Admit a session.

        Raises:
            LimitExceeded: see :meth:`check`.
        """
        self.check(session.user, session.target)
        self._sessions[session.id] = session
        return session

    def remove(self, session: Session) -> None:
        """Forget a session that has ended; the last thing that happens to it."""
        self._sessions.pop(session.id, None)

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


def _ended_by(user: User, session: Session) -> str:
    if user.name == session.user.name:
        return "You ended this session."
    return "An administrator ended this session."
