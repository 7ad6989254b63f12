"""Desktops that are not this server's own: those in the servers of a hub's users, of which the hub's service hears."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from jupyter_vnc.channels import Channel
from jupyter_vnc.exceptions import TargetNotFound, TargetUnreachable
from jupyter_vnc.model.holds import Hold
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor

#: What is said to whoever sends a message to a viewer without notes, here or elsewhere.
MUTE: Final = "The viewer of this session cannot show messages."


class Elsewhere:
    """None at all. A host that hears of any has a subclass; whatever carries its notices is its own affair."""

    def rows(self, visitor: Visitor) -> list[dict[str, Any]]:
        """List the servers of people whom the visitor oversees: ``servers`` in the answer to ``GET api/room``."""
        return []

    def find(self, visitor: Visitor, owner: str, server: str, name: str) -> tuple[Target, User]:
        """Return a desktop there, and its owner; the visitor has the mode of the target.

        Raises:
            TargetNotFound: there is none of a user whom the visitor oversees.
            ServerAway: there was one a moment ago, or may have been, in a server that is not connected now.
        """
        raise TargetNotFound

    async def look(self, session: Session) -> Channel:
        """Return a connection to the desktop of a session, which speaks RFB without a password, in its mode.

        Raises:
            TargetUnreachable: the server there does not bring one.
            LimitExceeded: the session's user asks too often.
        """
        raise TargetUnreachable

    def show(self, watchers: Collection[Visitor]) -> None:
        """Note who has a wall open; viewers there are asked for pictures while one of these oversees their users."""

    def pictures(self, visitor: Visitor, after: int) -> list[tuple[int, str, str]]:
        """List what viewers there have sent since a stamp, of users whom the visitor oversees.

        Returns:
            Stamps, ids of sessions as in :meth:`rows`, and the pictures as base64.
        """
        return []

    def may_hold(self, visitor: Visitor, owner: str, server: str, name: str) -> bool:
        """Whether a desktop runs there of a user whom the visitor oversees."""
        return False

    def hold(self, by: User, owner: str, server: str, name: str, hold: Hold, *, on: bool) -> None:
        """Hold the input at a desktop there for a while, or lift that; whether they may was checked.

        Raises:
            TargetNotFound: that server is not connected.
            LimitExceeded: they ask too much of it.
        """
        raise TargetNotFound

    def message(self, visitor: Visitor, session_id: str, text: str, *, link: bool = False) -> str:
        """Show a message, or a link, in the viewer of a session there; return whose server it is in.

        Raises:
            TargetNotFound: there is no such session that the visitor oversees.
            TargetBusy: its viewer cannot show messages.
            LimitExceeded: the visitor sends too much there.
        """
        raise TargetNotFound("There is no such session.")

    def end(self, visitor: Visitor, session_id: str) -> str:
        """End a session there; return whose server it is in.

        Raises:
            TargetNotFound: there is no such session that the visitor oversees.
            LimitExceeded: the visitor sends too much there.
        """
        raise TargetNotFound("There is no such session.")
