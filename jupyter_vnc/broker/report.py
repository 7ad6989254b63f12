"""What a user's server says of its desktops to the service of its hub."""

from __future__ import annotations

from typing import Any, Final

from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.users import User

#: The most desktops and viewers that a report has; owners come before their guests.
DESKTOPS: Final = 16
VIEWERS: Final = 64


def report(
    desktops: DesktopManager, registry: SessionRegistry, owner: User, *, looks: bool = True, control: bool = False
) -> dict[str, Any]:
    """Return the managed desktops of a user that run, who has them on the screen, and what instructors may do there."""
    running = _running(desktops, owner)
    return ({"control": True} if looks and control else {}) | {
        "looks": looks,
        "desktops": [{key: row[key] for key in ("name", "state", "since")} for row in running],
        "viewers": [_viewer(one) for one in _there(running, registry, owner)],
    }


def own_sessions(desktops: DesktopManager, registry: SessionRegistry, owner: User) -> list[Session]:
    """Return the owner's own sessions among those of :func:`report`: the service may act on no others."""
    return [one for one in _there(_running(desktops, owner), registry, owner) if one.user.name == owner.name]


def _running(desktops: DesktopManager, owner: User) -> list[dict[str, Any]]:
    return [row for row in desktops.list(owner.name) if row["state"] in {"up", "starting"}][:DESKTOPS]


def _there(running: list[dict[str, Any]], registry: SessionRegistry, owner: User) -> list[Session]:
    names = {row["name"] for row in running}
    there = [one for one in registry if one.owner.name == owner.name and one.target.name in names]
    return sorted(there, key=lambda one: (one.user.name != owner.name, one.since))[:VIEWERS]


def _viewer(session: Session) -> dict[str, Any]:
    row = session.public()
    shown = {key: row[key] for key in ("id", "target", "user", "mode", "since", "last_input", "hand", "hand_sentence")}
    return shown | {"notes": session.tell is not None}
