"""What a user's server does to a session when the service says so.

This module runs in users' servers; see :mod:`~jupyter_vnc.hub.visitors`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from jupyter_vnc.broker.holds import Holds
from jupyter_vnc.escaping import printable
from jupyter_vnc.model.causes import ended_by
from jupyter_vnc.model.holds import Hold
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.users import User


def _show(session: Session, notice: dict[str, Any]) -> None:
    session.note(notice["type"], text=notice["text"], sender=printable(notice["sender"]))


def _end(session: Session, notice: dict[str, Any]) -> None:
    session.end(ended_by(User(notice["sender"])).told_to(session.user))


DEEDS: Final[dict[str, Callable[[Session, dict[str, Any]], None]]] = {"message": _show, "link": _show, "end": _end}


def holder_of(holds: Holds, owner: User) -> Callable[[dict[str, Any]], None]:
    """Return what holds the input at a desktop of a server's owner, for a notice that says so, or lifts that."""

    def hold(notice: dict[str, Any]) -> None:
        asked = Hold(notice["sender"], notice["why"], notice["text"])
        holds.put((owner.name, notice["target"]), asked, on=notice["on"])

    return hold
