"""What is done with a session's bytes as they pass: the viewer's are judged, both ways are counted, use is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from jupyter_vnc.model.addresses import DesktopAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Target
from jupyter_vnc.rfb.guard import Guard, Permissions


class WatchOwner(Protocol):
    """What is needed of the broker."""

    on_activity: Callable[[], None]
    activity: str


class Watch:
    """Sees a session's bytes pass: guards the viewer's, counts both, and tells input from noise."""

    def __init__(self, session: Session, owner: WatchOwner, touch: Callable[[Session], None]) -> None:
        self._session = session
        self._owner = owner
        self._touch = touch
        self._guard = Guard(permissions_of(session.target), session.mode.value)

    def from_viewer(self, data: bytes) -> bytes:
        """What of the viewer's bytes the target gets."""
        passed = self._guard.feed(data)
        self._session.bytes_in += len(passed)
        if self._guard.input_seen:
            self._guard.input_seen = False
            self._note_input()
        return passed

    def from_target(self, size: int) -> None:
        """Pixels pass as they are; that they do is all there is to see."""
        self._session.bytes_out += size
        if self._owner.activity == "traffic":
            self._owner.on_activity()

    def _note_input(self) -> None:
        self._session.note_input()
        self._touch(self._session)
        if self._owner.activity != "none":
            self._owner.on_activity()


def permissions_of(target: Target) -> Permissions:
    """What a viewer in control mode may do: the target's clipboard policy, and its power switch.

    A managed desktop has no machine of its own to switch off: the X servers that we start know nothing of xvp, so
    there is nothing to keep from anybody.
    """
    policy = target.viewer.clipboard
    return Permissions(
        clipboard_to_desktop=policy in {"both", "to-desktop"},
        clipboard_from_desktop=policy in {"both", "from-desktop"},
        power=target.viewer.power or isinstance(target.address, DesktopAddress),
    )
