"""Desktops that are not this server's own: those in the servers of a hub's users, of which the hub's service hears."""

from __future__ import annotations

from typing import Any, Final

from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.visitors import Visitor

#: What is said to whoever sends a message to a viewer without notes, here or elsewhere.
MUTE: Final = "The viewer of this session cannot show messages."


class Elsewhere:
    """None at all. A host that hears of any has a subclass; whatever carries its notices is its own affair."""

    def rows(self, visitor: Visitor) -> list[dict[str, Any]]:
        """List the servers of people whom the visitor oversees: ``servers`` in the answer to ``GET api/room``."""
        return []

    def message(self, visitor: Visitor, session_id: str, text: str) -> str:
        """Show a message in the viewer of a session there; return whose server it is in.

        Raises:
            TargetNotFound: there is no such session that the visitor oversees.
            TargetBusy: its viewer cannot show messages.
        """
        raise TargetNotFound("There is no such session.")

    def end(self, visitor: Visitor, session_id: str) -> str:
        """End a session there; return whose server it is in.

        Raises:
            TargetNotFound: there is no such session that the visitor oversees.
        """
        raise TargetNotFound("There is no such session.")
