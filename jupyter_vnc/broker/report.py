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


def report(desktops: DesktopManager, registry: SessionRegistry, owner: User) -> dict[str, Any]:
    """Return the managed desktops of a user that run, and who has them on the screen."""
    running = [row for row in desktops.list(owner.name) if row["state"] in {"up", "starting"}][:DESKTOPS]
    names = {row["name"] for row in running}
    there = [one for one in registry if one.owner.name == owner.name and one.target.name in names]
    ranked = sorted(there, key=lambda one: (one.user.name != owner.name, one.since))
    return {
        "desktops": [{key: row[key] for key in ("name", "state", "since")} for row in running],
        "viewers": [_viewer(one) for one in ranked[:VIEWERS]],
    }


def _viewer(session: Session) -> dict[str, Any]:
    row = session.public()
    shown = {key: row[key] for key in ("id", "target", "user", "mode", "since", "last_input")}
    return shown | {"notes": session.tell is not None}
