"""The live sessions, the limits on how many there are, and who makes way for whom.

Sharing is about control. Viewers in view mode are admitted to every desktop that they may see and never displace
anybody; only one person is in control where the target is ``exclusive`` or ``takeover``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from jupyter_vnc.exceptions import LimitExceeded, TargetBusy, TargetNotFound, VNCError

from .causes import ended_by
from .sessions import Session
from .targets import Mode, Sharing
from .visitors import Visitor


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many sessions at once; 0 is no limit.

    ``look_ins`` are those of one user on desktops of users whom they oversee; they do not count in ``per_user``.
    ``per_target`` is for targets that somebody may control: one that is only watched is for a class. Whoever is not
    there is admitted while fewer people are, whoever is there while there are fewer sessions, so that nobody keeps
    others out with many windows. Look-ins are counted by themselves: a place is kept for whoever oversees.
    """

    per_user: int = 8
    per_target: int = 8
    total: int = 64
    look_ins: int = 64


class SessionRegistry:
    """The live list: the sessions of this process, and what is known of those at others that serve the same users.

    Args:
        limits: how many there may be.
        refusal: returns why this process has no room for one more beside so many, None if it has.
    """

    def __init__(
        self, limits: SessionLimits | None = None, refusal: Callable[[int], VNCError | None] = lambda sessions: None
    ) -> None:
        self.limits = limits or SessionLimits()
        self._refusal = refusal
        #: Called with a session that has ended, once it is forgotten.
        self.on_remove: Callable[[Session], None] = lambda session: None
        #: Called when there is something to tell other processes.
        self.on_change: Callable[[], None] = lambda: None
        #: Called with a desktop at which somebody of another process has come or left.
        self.on_meet: Callable[[tuple[str, ...]], None] = lambda place: None
        #: Admits a session as :meth:`add` does; a host with several processes asks the others first.
        self.admit: Callable[[Session], Awaitable[None]] = self._admit_alone
        self._sessions: dict[str, Session] = {}
        self._others: tuple[Session, ...] = ()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def everybody(self) -> tuple[Session, ...]:
        """The sessions of all processes."""
        return (*self._sessions.values(), *self._others)

    def meet(self, others: Iterable[Session]) -> None:
        """Take what is known now of the sessions at other processes."""
        before = self._others
        self._others = tuple(others)
        for place in {place for place, *_ in _seats(before) ^ _seats(self._others)}:
            self.on_meet(place)

    async def _admit_alone(self, session: Session) -> None:
        self.add(session)

    def check(self, newcomer: Session) -> tuple[Session, ...]:
        """Check that a new session is possible; return those that make way for it.

        Raises:
            TargetBusy: somebody else is in control of an exclusive target; names them.
            LimitExceeded: says which limit it is.
        """
        leaving = self._rivals(newcomer)
        if newcomer.target.sharing is Sharing.EXCLUSIVE and not newcomer.takeover:
            for other in leaving:
                # A user is never locked out by what is left of their own earlier session, as after a reload.
                if other.user.name != newcomer.user.name:
                    raise TargetBusy(f"{other.user.name} is using this desktop.")
        self._check_limits(newcomer, [other for other in self.everybody() if other not in leaving])
        return leaving

    def _rivals(self, newcomer: Session) -> tuple[Session, ...]:
        """The sessions that conflict with a new one."""
        if newcomer.target.sharing is Sharing.SHARED or newcomer.mode is Mode.VIEW:
            return ()
        return tuple(other for other in self.at(newcomer.place) if other.mode is Mode.CONTROL)

    def _check_limits(self, newcomer: Session, staying: list[Session]) -> None:
        of_user = sum((other.user.name, other.look_in) == (newcomer.user.name, newcomer.look_in) for other in staying)
        target = newcomer.target
        places = target.limits.max_sessions or (0 if target.mode is Mode.VIEW else self.limits.per_target)
        rows = (
            (self.limits.total, len(staying), "The server has {} open desktops, its limit."),
            (self.limits.look_ins, of_user, "You look in on {} desktops, the limit.")
            if newcomer.look_in
            else (self.limits.per_user, of_user, "You have {} open desktops."),
            (places, _rivals_for_a_place(newcomer, staying), "This desktop has {} viewers."),
        )
        for limit, count, sentence in rows:
            if limit and count >= limit:
                raise LimitExceeded(f"{sentence.format(count)} Close one and try again.", retry_after=5.0)
        if (refusal := self._refusal(sum(other.is_here for other in staying))) is not None:
            raise refusal

    def add(self, session: Session) -> Session:
        """Admit a session, and end those that make way for it.

        Raises:
            TargetBusy: see :meth:`check`.
            LimitExceeded: see :meth:`check`.
        """
        return self.seat(session, self.check(session))

    def seat(self, session: Session, leaving: tuple[Session, ...]) -> Session:
        """Admit a session that :meth:`check` has found possible, and end those that make way for it."""
        session.replaced = leaving
        self._sessions[session.id] = session
        for other in leaving:
            other.end(taken_by(session, other))
        self.on_change()
        return session

    def yield_places(self) -> None:
        """End the sessions of this process where somebody at another one has come into control since they began.

        That was not possible while the others knew of them: this process was away for so long that it counted as dead.
        Who was there before them was there with them.
        """
        for newcomer in self._others:
            if newcomer.error is None:
                for session in self._rivals(newcomer):
                    if session.is_here and session.since < newcomer.since:
                        session.end(taken_by(newcomer, session))

    def remove(self, session: Session) -> None:
        """Forget a session that has ended; the last thing that happens to it."""
        # Whoever took over may still know it, but nobody sees what it showed.
        session.walled, session.wall_picture = False, None
        if self._sessions.pop(session.id, None) is not None:
            self.on_remove(session)
            self.on_change()

    def refusal(self) -> VNCError | None:
        """Return why this process has no room for anything more; None if it has."""
        return self._refusal(len(self))

    def at(self, place: tuple[str, ...]) -> list[Session]:
        """Everybody's sessions on one desktop; see :func:`place_of`."""
        return [session for session in self.everybody() if session.place == place and session.error is None]

    def resizing_by(self, session: Session) -> Callable[[], bool] | None:
        """Return what says whether a session may change the size of its desktop now; None where it always may.

        Whoever is at somebody else's desktop may not while its owner is there, who may have a larger window.
        """
        if session.user.name == session.owner.name:
            return None
        return lambda: all(other.user.name != session.owner.name for other in self.at(session.place))

    def seen_by(self, visitor: Visitor) -> list[Session]:
        """The visitor's own sessions, and those that they oversee."""
        mine = visitor.user.name
        return [session for session in self.everybody() if session.user.name == mine or sees(visitor, session)]

    def find(self, session_id: str, visitor: Visitor) -> Session:
        """Return one of the sessions that :meth:`seen_by` lists.

        Raises:
            TargetNotFound: there is none with this id that the visitor may know of.
        """
        for session in self.seen_by(visitor):
            if session.id == session_id:
                return session
        raise TargetNotFound("There is no such session.")

    def end(self, session_id: str, visitor: Visitor) -> None:
        """End one of the sessions that :meth:`seen_by` lists.

        Raises:
            TargetNotFound: there is none with this id that the visitor may end.
        """
        session = self.find(session_id, visitor)
        session.end(ended_by(visitor.user).told_to(session.user))


def sees(visitor: Visitor, session: Session) -> bool:
    """Whether a visitor oversees both the user of a session and the owner of its desktop."""
    return all(visitor.oversees(person, session.target) for person in {session.user, session.owner})


def _seats(sessions: Iterable[Session]) -> set[tuple[tuple[str, ...], str, Mode]]:
    return {(one.place, one.id, one.mode) for one in sessions if one.error is None}


def _rivals_for_a_place(newcomer: Session, staying: list[Session]) -> int:
    """Count the people on a target's server, or all sessions if the newcomer's user is one of them."""
    # A managed desktop, a pool's machine or a {username} socket is its owner's: servers count, not names.
    kind = (newcomer.target.name, newcomer.place, newcomer.look_in)
    here = [other.user.name for other in staying if (other.target.name, other.place, other.look_in) == kind]
    return len(here) if newcomer.user.name in here else len(set(here))


def taken_by(newcomer: Session, other: Session) -> TargetBusy:
    """Make the error of a session that makes way for a newcomer."""
    if newcomer.user.name == other.user.name:
        return TargetBusy("You have opened it in another window.")
    return TargetBusy(f"{newcomer.user.name} is using it now.")
