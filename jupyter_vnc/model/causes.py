"""Why sessions end: who did it, in words for each of those concerned."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import SessionEnded

from .users import User


@dataclass(frozen=True, slots=True)
class Cause:
    """What somebody did that ends sessions, of their own or of others.

    ``by`` is the name of the user who did it, ``deed`` what they did, in the past tense, as in *ended this session*.
    """

    by: str
    deed: str

    def told_to(self, reader: User) -> SessionEnded:
        """Return the end of a reader's session, whose sentence names who did it; the log always has the name."""
        own = reader.name == self.by
        who = "You" if own else printable(self.by)
        return SessionEnded(f"{who} {self.deed}.", detail=f"by {printable(self.by)}" if own else "")


def ended_by(user: User) -> Cause:
    """A session was ended."""
    return Cause(user.name, "ended this session")


def given_back(user: User, owner: User) -> Cause:
    """A machine of a pool, or a place in its queue, was given back by its owner or taken back by somebody else."""
    return Cause(user.name, "gave the machine back" if user.name == owner.name else "took the machine back")
