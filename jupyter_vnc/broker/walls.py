"""The wall: small pictures of the desktops of a course, for its instructors, which the viewers there make.

While nobody has a wall open, no viewer is asked for pictures, none is kept, and nothing here runs. A picture is an
attribute of its session, so it ends with that; it is never written anywhere.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyter_vnc.exceptions import LimitExceeded, ViewerError
from jupyter_vnc.model.session_registry import SessionRegistry, sees
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.model.wall_pictures import read_picture
from jupyter_vnc.system.logs import Log
from jupyter_vnc.throttling import RateLimit

from .elsewhere import Elsewhere
from .hands import is_own

#: Seconds from one picture of a viewer to the next.
EVERY: Final = 5.0
#: Pictures of one session in a minute, and at once: a viewer whose clock was held up sends two soon after each other.
PER_MINUTE: Final = 20
BURST: Final = 4
#: For how long (seconds) a wall is open after its page has asked last.
OPEN: Final = 15.0
#: Seconds after which questions may have it worked out anew which viewers are asked: whoever comes with another right.
AGAIN: Final = 1.0
#: Questions of one instructor in a minute, and at once: some tabs.
ASKS_PER_MINUTE: Final = 120
ASKS_AT_ONCE: Final = 40
#: The most instructors with a wall at once.
MOST: Final = 200
#: The longest answer, about (characters): what is newer waits for the next question.
LONGEST_ANSWER: Final = 4 * 2**20


@dataclass(slots=True)
class _Watcher:
    """An instructor who has a wall open, with the rights that they had when their page asked last."""

    visitor: Visitor
    until: float


class Walls:
    """The walls that are open, and the viewers that they need.

    Args:
        registry: the live sessions.
        log: says who opens a wall, and when it is closed.
        usual: whether viewers of a target that does not say send pictures; None for those of a course only.
        duration: see :data:`OPEN`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        registry: SessionRegistry,
        log: Log,
        *,
        usual: bool | None = None,
        duration: float = OPEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        #: Whose stamps those of an answer are: each process has its own pictures, and counts them by itself.
        self.process = secrets.token_hex(8)
        #: The desktops in other servers; the host sets it.
        self.elsewhere = Elsewhere()
        #: Whether a wall shows a session now; the host sets it where it knows that from somebody else.
        self.shows: Callable[[Session], bool] = self._is_watched
        self._registry = registry
        self._log = log
        self._usual = usual
        self._duration = duration
        self._clock = clock
        self._worked_out = -math.inf
        self._watchers: dict[str, _Watcher] = {}
        self._closing: asyncio.TimerHandle | None = None
        self._rate = RateLimit(PER_MINUTE, BURST, what="pictures")
        self._asks = RateLimit(ASKS_PER_MINUTE, ASKS_AT_ONCE, what="questions")

    def watch(self, visitor: Visitor, stamps: Mapping[str, int]) -> dict[str, Any]:
        """Keep the wall of a visitor open; return the answer to ``POST api/room/wall``.

        Args:
            visitor: whose page asks.
            stamps: of the latest picture that the page has had of each process; those of others are not for this one.

        Raises:
            LimitExceeded: they ask too often, or too many have one.
        """
        self._asks.spend(visitor.user.name)
        self._open(visitor)
        after = stamps.get(self.process, 0)
        found = [
            (picture.stamp, session.id, picture.data)
            for session in self._registry
            if (picture := session.wall_picture) is not None and picture.stamp > after and sees(visitor, session)
        ]
        found += self.elsewhere.pictures(visitor, after)
        rows: list[dict[str, Any]] = []
        room = LONGEST_ANSWER
        for stamp, session_id, data in sorted(found):
            if room <= 0:
                break
            room -= len(data)
            after = stamp
            rows.append({"session": session_id, "data": data})
        return {"pictures": rows, "process": self.process, "stamp": after, "more": len(rows) < len(found)}

    def came(self, session: Session) -> None:
        """Note that a session has begun: its viewer is asked if a wall is open."""
        self._ask(session)

    def changed(self) -> None:
        """Ask those viewers whose pictures are wanted now, and no others."""
        for session in self._registry:
            self._ask(session)

    def heard(self, session: Session, data: object) -> None:
        """Take a picture of a session's viewer. One that comes when the wall was closed a moment ago is nothing.

        Raises:
            ViewerError: it is none, or too large.
            LimitExceeded: too many.
        """
        self._rate.spend(session.id)
        try:
            picture = read_picture(data)
        except ValueError as error:
            raise ViewerError("The viewer sent a picture that is none.", detail=str(error)) from None
        if session.walled:
            session.wall_picture = picture

    def close(self) -> None:
        """Forget all walls."""
        if self._closing is not None:
            self._closing.cancel()

    def _open(self, visitor: Visitor) -> None:
        name, now = visitor.user.name, self._clock()
        known = name in self._watchers
        if not known:
            if len(self._watchers) >= MOST:
                raise LimitExceeded("Too many walls are open. Try again later.", retry_after=self._duration)
            self._log.info("%s opens the wall of the course room", name)
        self._watchers[name] = _Watcher(visitor, now + self._duration)
        if self._closing is None:
            self._close_later(self._duration)
        # Sessions that come are asked by themselves; this looks at each of them for each of those who watch.
        if not known or now - self._worked_out >= AGAIN:
            self._show()

    def _close_later(self, delay: float) -> None:
        self._closing = asyncio.get_running_loop().call_later(delay, self._close_old)

    def _close_old(self) -> None:
        """Close those that no page has asked for; the timer runs while there is one."""
        self._closing = None
        now = self._clock()
        for name in [name for name, watcher in self._watchers.items() if watcher.until <= now]:
            del self._watchers[name]
            self._log.info("The wall of %s is closed", name)
        if self._watchers:
            self._close_later(max(0.01, min(watcher.until for watcher in self._watchers.values()) - now))
        self._show()

    def _show(self) -> None:
        self._worked_out = self._clock()
        self.changed()
        self.elsewhere.show([watcher.visitor for watcher in self._watchers.values()])

    def _ask(self, session: Session) -> None:
        """Ask a viewer for pictures, or for none any more."""
        wanted = session.tell is not None and self._may_show(session) and self.shows(session)
        if session.walled == wanted:
            return
        session.walled = wanted
        session.wall_picture = None
        session.note("wall", every=EVERY if wanted else 0)

    def _may_show(self, session: Session) -> bool:
        """Whether there is a picture for anybody: of a person at their own desktop, where the target permits it."""
        return is_own(session) and session.target.address.server is None and self._is_on(session.target)

    def _is_on(self, target: Target) -> bool:
        if target.wall is not None:
            return target.wall
        return bool(target.allow_groups) if self._usual is None else self._usual

    def _is_watched(self, session: Session) -> bool:
        return any(sees(watcher.visitor, session) for watcher in self._watchers.values())
