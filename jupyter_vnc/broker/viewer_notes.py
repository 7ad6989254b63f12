"""What viewers send beside RFB: text messages, each of a kind that there is, with a size and a rate."""

from __future__ import annotations

import json
from typing import Any, Final

from jupyter_vnc.exceptions import ViewerError
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.wall_pictures import LONGEST_TEXT

from .attention import Attention
from .hands import Hands
from .walls import Walls

#: The longest message (characters): a picture, and what stands round it.
LONGEST: Final = LONGEST_TEXT + 64


class ViewerNotes:
    """The parts of the broker that viewers talk to, beside the picture.

    Args:
        hands: who asks for help.
        walls: who has a wall open.
        attention: whose input is held.
    """

    def __init__(self, hands: Hands, walls: Walls, attention: Attention) -> None:
        self._hands = hands
        self._walls = walls
        self._attention = attention

    def came(self, session: Session) -> None:
        """Note that a session has begun."""
        self._hands.came(session)
        self._walls.came(session)
        self._attention.holds.came(session)

    def left(self, session: Session) -> None:
        """Note that a session has ended."""
        self._attention.left(session)

    def seated(self, session: Session) -> None:
        """Note that a session has a picture."""
        self._hands.seated(session)

    def heard(self, session: Session, text: str) -> None:
        """Take a message of a session's viewer; see ``WS {root}ws``.

        What comes after somebody has ended the session is nothing: its viewer does not know that yet.

        Raises:
            ViewerError: it is none.
            LimitExceeded: too many.
        """
        if session.error is not None:
            return
        if len(text) > LONGEST:
            raise ViewerError("The viewer sent too long a message.")
        said = _read(text)
        if said is None or said.get("type") not in {"picture", "alone"}:
            self._hands.heard(session, text)
        elif said.keys() == {"type", "on"}:
            self._attention.heard(session, said["on"])
        elif said.keys() == {"type", "data"}:
            self._walls.heard(session, said["data"])
        else:
            raise ViewerError("The viewer sent a picture that is none.")


def _read(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
