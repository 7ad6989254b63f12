"""Attention: an instructor holds the input of people at desktops, here and in other servers.

They do so from the course room, for as long as its page asks for it, or from a session in which they look in and work
at the desktop themselves.
"""

from __future__ import annotations

from typing import Any, Final

from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import TargetBusy, TargetNotFound, ViewerError, VNCError
from jupyter_vnc.model.holds import ATTENTION, CONTROL, Hold
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.system.logs import Log
from jupyter_vnc.throttling import RateLimit

from .elsewhere import Elsewhere
from .holds import Holds

#: Requests of one instructor in a minute, and at once: a page asks every five seconds, and there are some tabs.
PER_MINUTE: Final = 60
BURST: Final = 20

_SPENT: Final = "Their input was held for an hour. Lift that, and begin again if you need to."


class Attention:
    """Who may hold whom.

    Args:
        registry: the live sessions.
        log: says who holds how many.
    """

    def __init__(self, registry: SessionRegistry, log: Log) -> None:
        #: The desktops of this server that are held.
        self.holds = Holds(registry)
        #: The desktops in other servers; the host sets it.
        self.elsewhere = Elsewhere()
        self._registry = registry
        self._log = log
        self._rate = RateLimit(PER_MINUTE, BURST, what="requests for attention")
        #: Sessions whose users work alone at somebody else's desktop.
        self._alone: set[str] = set()

    def ask(
        self, visitor: Visitor, desktops: list[dict[str, Any]], text: str, *, on: bool, again: bool
    ) -> dict[str, Any]:
        """Hold the input at desktops, or lift that; return the answer to ``POST api/room/attention``.

        Args:
            visitor: the instructor.
            desktops: each its ``target``, ``owner``, and ``server`` or None.
            text: a sentence for those who are held.
            on: hold, or lift.
            again: that they hold already goes on.

        Raises:
            LimitExceeded: they ask too often.
        """
        self._rate.spend(visitor.user.name)
        hold = Hold(visitor.user.name, ATTENTION, text)
        missed = []
        for number, one in enumerate(desktops):
            try:
                self._ask(visitor, one["target"], one["owner"], one["server"], hold, on)
            except VNCError as error:
                missed.append({"index": number, "message": str(error)})
        done = len(desktops) - len(missed)
        if not again:
            line = "%s holds the input at %d desktops" if on else "%s does not hold the input at %d desktops any more"
            self._log.info(line, visitor.user.name, done)
        return {"done": done, "missed": missed}

    def _ask(self, visitor: Visitor, target: str, owner: str, server: str | None, hold: Hold, on: bool) -> None:
        if owner == visitor.user.name:
            raise TargetBusy("You cannot hold your own input.")
        if not self._may(visitor, target, owner, server, on):
            raise TargetNotFound(f"{printable(owner)} is not at this desktop now.")
        if server is not None:
            self.elsewhere.hold(visitor.user, owner, server, target, hold, on=on)
            return
        if not self.holds.put((owner, target), hold, on=on) and on:
            raise TargetBusy(_SPENT)

    def _may(self, visitor: Visitor, target: str, owner: str, server: str | None, on: bool) -> bool:
        """Whether somebody may hold a desktop; what they hold here they may lift, whoever is there by now."""
        if server is not None:
            return self.elsewhere.may_hold(visitor, owner, server, target)
        return not on or any(
            session.owner.name == owner and session.is_at(target) and visitor.oversees(session.owner, session.target)
            for session in self._registry.everybody()
            if not session.look_in
        )

    def heard(self, session: Session, on: object) -> None:
        """Take what a viewer says whose user works alone at somebody else's desktop, or does not any more.

        Raises:
            ViewerError: it is no such session, or says neither.
            LimitExceeded: too often.
        """
        if not isinstance(on, bool) or not session.look_in or session.mode is not Mode.CONTROL:
            raise ViewerError("The viewer sent a message that is not permitted here.")
        self._rate.spend(session.id)
        (self._alone.add if on else self._alone.discard)(session.id)
        self._hold_alone(session, on)

    def left(self, session: Session) -> None:
        """Note that a session has ended."""
        if session.id in self._alone:
            self._alone.discard(session.id)
            self._hold_alone(session, on=False)

    def _hold_alone(self, session: Session, on: bool) -> None:
        hold, server = Hold(session.user.name, CONTROL), session.target.address.server
        desktop = session.owner.name, session.target.name
        if server is None:
            self.holds.put(desktop, hold, on=on)
            return
        try:
            self.elsewhere.hold(session.user, session.owner.name, server, session.target.name, hold, on=on)
        except VNCError:
            return  # that server is not connected; it is asked again soon, or the hold ends there by itself
