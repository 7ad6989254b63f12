"""What happens to a session's bytes in transit: the viewer's are filtered, all are counted, input is noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Target
from jupyter_vnc.rfb.guard import Guard
from jupyter_vnc.rfb.permissions import Permissions

from .first_picture import FirstPicture


@dataclass(frozen=True, slots=True)
class Activity:
    """What counts as activity (``input``, ``traffic`` or ``none``), and what is called for it."""

    counts: str
    note: Callable[[], None]


class Watch:
    """Watches a session's bytes: filters the viewer's, counts both ways, and detects input.

    Args:
        session: whose bytes.
        permissions: what its viewer may do in control mode.
        activity: what counts for the host.
        touch: called for each input.
        picture: is shown what the viewer asks for first.
        may_resize: asked when the viewer changes the desktop's size; None where it always may.
        narrows: whether :meth:`narrow` may be called.
    """

    def __init__(
        self,
        session: Session,
        permissions: Permissions,
        activity: Activity,
        touch: Callable[[Session], None],
        picture: FirstPicture,
        may_resize: Callable[[], bool] | None = None,
        *,
        narrows: bool = False,
    ) -> None:
        self._session = session
        self._activity = activity
        self._touch = touch
        self._picture = picture
        self._guard = Guard(permissions, session.mode.value, may_resize, narrows=narrows)

    def narrow(self, on: bool) -> None:
        """Let the viewer ask for one pixel only from now on, or for everything again; see :attr:`.Guard.narrow`."""
        self._guard.narrow = on

    def from_viewer(self, data: bytes) -> bytes:
        """Return those of the viewer's bytes that the target gets."""
        passed = self._guard.feed(data)
        self._session.bytes_in += len(passed)
        self._picture.from_viewer(passed)
        if self._guard.input_seen:
            self._guard.input_seen = False
            self._note_input()
        return passed

    def hold(self, held: bool) -> None:
        """Let no input pass, or let it pass again; see :meth:`.Guard.hold`.

        Raises:
            ViewerError: that is not possible.
        """
        self._guard.hold(held)

    def take_released(self) -> bytes:
        """Return what the target has to get so that nothing stays pressed; once."""
        released = self._guard.take_released()
        self._session.bytes_in += len(released)
        return released

    def from_target(self, size: int) -> None:
        """Count bytes from the target; they pass unchanged."""
        self._session.bytes_out += size
        if self._activity.counts == "traffic":
            self._activity.note()

    def _note_input(self) -> None:
        self._session.note_input()
        self._touch(self._session)
        if self._activity.counts != "none":
            self._activity.note()


def permissions_of(target: Target, *, power: bool) -> Permissions:
    """What a viewer in control mode may do: the target's clipboard policy, and its power switch."""
    policy = target.viewer.clipboard
    return Permissions(
        clipboard_to_desktop=policy in {"both", "to-desktop"},
        clipboard_from_desktop=policy in {"both", "from-desktop"},
        power=power,
    )
