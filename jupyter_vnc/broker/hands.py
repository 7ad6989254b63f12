"""Hands: whoever is at their own desktop asks for help, and those who oversee them see it.

A hand belongs to a person at a desktop, so all of their viewers there show it; it goes with the last of their sessions.
Somebody who looks in takes it down: the help is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import ViewerError
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import LONGEST_SENTENCE, Session
from jupyter_vnc.throttling import RateLimit

#: The longest message of a viewer about its hand (characters): a sentence as JSON may write it, and what is round it.
LONGEST: Final = 12 * LONGEST_SENTENCE + 64
#: Messages of one session in a minute, and at once; a viewer sends one a second at most.
PER_MINUTE: Final = 60
BURST: Final = 20


class Hands:
    """The hands of one server.

    Args:
        registry: the live sessions.
    """

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry
        self._rate = RateLimit(PER_MINUTE, BURST, what="messages")
        #: Whether somebody would see the hand of a session, and whether they may look; the host sets them.
        self.seen: Callable[[Session], bool] = lambda session: False
        self.looks: Callable[[], bool] = lambda: True
        #: Whether there is anybody who oversees users here.
        self.there: Callable[[], bool] = lambda: False

    def came(self, session: Session) -> None:
        """Note that a session has begun: it has the hand of its user's others."""
        own = [one for one in self._own(session.place, session.user.name) if one.hand is not None]
        session.hand = min((one.hand for one in own if one.hand), default=None)
        session.hand_sentence = next((one.hand_sentence for one in own if one.hand_sentence), "")
        if self.seen(session):
            self._tell(session)

    def seated(self, session: Session) -> None:
        """Note that a session has a picture: if its user looks in, the owner's hand is down."""
        if session.look_in:
            for own in self._own(session.place, session.owner.name):
                self._set(own, None)

    def changed(self) -> None:
        """Tell all sessions whether somebody sees them now."""
        for session in self._registry:
            if is_own(session):
                self._tell(session)

    def heard(self, session: Session, text: str) -> None:
        """Take a message of a session's viewer; see ``WS {root}ws``. Where nobody would see a hand, none is raised.

        What comes after somebody has ended the session is nothing: its viewer does not know that yet.

        Raises:
            ViewerError: it is none.
            LimitExceeded: too many.
        """
        if session.error is not None:
            return
        self._rate.spend(session.id)
        up, sentence = _read(text)
        if not self.seen(session):
            return
        own = self._own(session.place, session.user.name)
        since = (session.hand or datetime.now(UTC)) if up else None
        if since is None:
            sentence = ""
        elif sentence is None:
            sentence = session.hand_sentence
        for one in own:
            self._set(one, since, sentence)

    def _own(self, place: tuple[str, ...], user: str) -> list[Session]:
        return [one for one in self._registry.at(place) if one.user.name == user and not one.look_in]

    def _set(self, session: Session, since: datetime | None, sentence: str = "") -> None:
        before = session.hand, session.hand_sentence
        if before == (since, sentence):
            return
        session.put_hand(since, sentence)
        if before[0] != since:
            self._tell(session)
        self._registry.on_change()

    def _tell(self, session: Session) -> None:
        since = session.hand.isoformat() if session.hand else None
        session.note("overseen", hands=self.seen(session), looks=self.looks(), since=since)


def is_own(session: Session) -> bool:
    """Whether somebody is at their own desktop, and does not look at another's."""
    return session.user.name == session.owner.name and not session.look_in


def _read(text: str) -> tuple[bool, str | None]:
    """Return whether a message raises a hand, and the sentence with it; None where it says nothing of one.

    Raises:
        ViewerError: it is of no kind that there is.
    """
    try:
        said = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.keys() - {"sentence"} != {"type", "up"} or said["type"] != "hand":
        raise ViewerError("The viewer sent a message of no known kind.")
    if not isinstance(said["up"], bool):
        raise ViewerError("A hand is up or not.")
    if "sentence" not in said:
        return said["up"], None
    sentence = said["sentence"]
    if not said["up"] or not isinstance(sentence, str) or len(sentence) > LONGEST_SENTENCE:
        raise ViewerError("A hand that is up has a short sentence, or none.")
    return True, printable(" ".join(sentence.split()), LONGEST_SENTENCE)
