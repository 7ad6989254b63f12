"""What a visitor is told of a target: the rows of ``GET api/targets``."""

from __future__ import annotations

from typing import Any

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.targets import State
from jupyter_vnc.model.visitors import Visitor

from .catalogue import Access
from .taken import is_taken


class TargetRows:
    """Describes targets with their state at present.

    Args:
        access: What is asked for the state of a target's desktop, by its kind.
        registry: Where the sessions are, for whether somebody has an exclusive desktop.
        maintenance: What nobody new gets.
    """

    def __init__(self, access: AccessKinds, registry: SessionRegistry, maintenance: Maintenance) -> None:
        self._access, self._registry, self._maintenance = access, registry, maintenance

    def row(self, visitor: Visitor, access: Access) -> dict[str, Any]:
        """Return one row for a visitor."""
        target, owner = access.target, access.owner
        kind = self._access.of(target)
        busy = is_taken(self._registry, visitor.user, access)
        state = State.MAINTENANCE if self.is_closed(access) else State.BUSY if busy else kind.state(target, owner)
        more = {"pool": kind.summary(target, owner), "share": visitor.shares}
        more |= {"sound": kind.has_sound(target, owner), "video": kind.has_video(target, owner)}
        return target.public(mode=access.mode, state=state) | more

    def is_closed(self, access: Access) -> bool:
        """Whether a target is in maintenance for whoever is not there already: an owner keeps a pool's machine."""
        target, owner = access.target, access.owner
        if target.address.server is not None:
            return False  # it has the name of one of ours by chance
        kind = self._access.of(target)
        if kind.summary(target, owner) is not None:
            return kind.state(target, owner) is State.MAINTENANCE
        return self._maintenance.whole(target.name)
