"""What a host sets in the pool manager: whom it tells of a change, and whom it asks who is there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from jupyter_vnc.system.logs import Configurable


class PoolHooks(Configurable):
    """Functions that do nothing until a host sets others."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        #: Called with user, target's name and a sentence when a user's machine is taken back.
        self.on_release: Callable[[str, str, str], None] = lambda user, target_name, reason: None
        #: The same when a user's machine is gone or failed, and they get another one; the reason is a predicate, whose
        #: subject is the machine.
        self.on_move: Callable[[str, str, str], None] = lambda user, target_name, reason: None
        #: Returns who has a target's desktop on the screen, of its owners.
        self.watched: Callable[[str], Collection[str]] = lambda target_name: ()
        #: Called with user, target's name and the seconds after which an idle machine is taken back; 0 for not now.
        self.on_idle: Callable[[str, str, float], None] = lambda user, target_name, seconds: None

    def _tell(self, callback: Callable[[str, str, str], None], user: str, target_name: str, reason: str) -> None:
        """Notify the sessions of a user; errors are logged and do not disturb the pools."""
        try:
            callback(user, target_name, reason)
        except Exception:
            self.log.exception(
                "Target %s: the sessions of %s were not notified that their machine is gone", target_name, user
            )
