"""Whether somebody else has a desktop that only one person may control."""

from __future__ import annotations

from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import place_of
from jupyter_vnc.model.targets import Mode, Sharing
from jupyter_vnc.model.users import User

from .catalogue import Access


def is_taken(registry: SessionRegistry, user: User, access: Access) -> bool:
    """Whether a user who may control an exclusive desktop would have to take it from somebody else."""
    if access.target.sharing is not Sharing.EXCLUSIVE or access.mode is Mode.VIEW:
        return False
    here = registry.at(place_of(access.owner, access.target.for_user(access.owner)))
    return any(other.mode is Mode.CONTROL and other.user.name != user.name for other in here)
