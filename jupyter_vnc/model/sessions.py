"""A session: one live connection, from redeem to close, and what is known of it."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import VNCError

from .holds import Hold
from .targets import Mode, Target
from .users import User
from .wall_pictures import WallPicture

#: A note to a viewer, outside RFB: its kind and its content.
Note = Mapping[str, Any]

_NOBODY = User("")

#: Seconds for which a key press counts as activity.
RECENT: Final = 60.0

#: The longest sentence with a hand (characters).
LONGEST_SENTENCE: Final = 200


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class Session:
    """One live connection. ``id`` is public and never a credential; byte counts are as seen on the target leg.

    ``bytes_in`` came from the viewer, ``bytes_out`` went to it. ``last_input`` moves on keys, pointer and clipboard.
    ``takeover`` means that its user knows who is in control of an exclusive desktop and wants to take it over.
    ``owner`` is whose desktop it is: the user, unless they are an instructor who looks in or a guest. ``look_in`` means
    that its user oversees the owner.
    """

    user: User
    target: Target
    mode: Mode
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    since: datetime = field(default_factory=_now)
    last_input: datetime | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    takeover: bool = False
    owner: User = _NOBODY
    look_in: bool = False
    #: Which machine of a pool it is on; empty for other targets, and while it waits for one.
    machine: str = ""
    #: The same machine, whatever it is called; already while the session logs in there.
    machine_key: str = ""
    #: Since when its user asks for help; None while they do not.
    hand: datetime | None = None
    #: What they need help with; empty where they do not say. It is text of the user's, of :data:`LONGEST_SENTENCE`.
    hand_sentence: str = ""
    #: Whether its viewer is asked for pictures, for the wall of an instructor; and the latest of them.
    walled: bool = False
    wall_picture: WallPicture | None = None
    #: Who holds its input; None while nobody does. While its bytes are relayed, it is said when that changes.
    held: Hold | None = None
    on_held: Callable[[], None] | None = None
    #: Holds its desktop here, or lifts that, for another process.
    take_hold: Callable[[Hold, bool], Any] | None = None
    #: Since when its viewer has a picture; None while there is none.
    seen_at: datetime | None = None
    #: Whether its desktop has brought a picture in time.
    pictured: bool = False
    #: The sessions that made way for it.
    replaced: tuple[Session, ...] = ()
    #: Why somebody ended it, once somebody has.
    error: VNCError | None = None
    #: Shows a note in the viewer; None where the viewer cannot show any.
    tell: Callable[[Note], None] | None = None
    #: Makes its RFB bring one pixel only, or everything again, while its desktop runs; see :attr:`.Guard.narrow`.
    narrow: Callable[[bool], None] = field(default=lambda on: None)
    _stop: Callable[[], Any] | None = None
    _began: float = field(default_factory=time.monotonic)
    _input_at: float = -math.inf

    #: Whether this process runs it.
    is_here: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.owner is _NOBODY:
            self.owner = self.user

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def in_use(self) -> bool:
        """Whether there was input in it recently; an open tab alone does not count."""
        return time.monotonic() - self._input_at < RECENT

    @property
    def place(self) -> tuple[str, ...]:
        """What it shows: equal for sessions that are on one desktop, under whatever name."""
        return place_of(self.owner, self.target)

    def is_at(self, name: str) -> bool:
        """Whether it is at this server's own target of a name; a desktop in a user's server may have the same name."""
        return self.target.name == name and self.target.address.server is None

    def run_by(self, stop: Callable[[], Any]) -> None:
        """Set what ends the session: called once by its owner, at once if somebody has ended it already."""
        self._stop = stop
        if self.error is not None:
            stop()

    def end(self, error: VNCError) -> None:
        """End the session; the first reason stays."""
        if self.error is None:
            self.error = error
            if self._stop is not None:
                self._stop()

    def note(self, kind: str, **content: Any) -> None:
        """Show a note in the viewer, if it can show any."""
        if self.tell is not None:
            self.tell({"kind": kind, **content})

    def renew(self, user: User, owner: User) -> None:
        """Update its user and owner: their groups may have changed."""
        self.user, self.owner = user, owner

    def put_hand(self, since: datetime | None, sentence: str = "") -> None:
        """Raise the hand of its user, with a sentence or none, or take it down."""
        self.hand, self.hand_sentence = since, sentence

    def put_hold(self, hold: Hold, *, on: bool) -> None:
        """Hold its desktop for a while, or lift that."""
        if self.take_hold is not None:
            self.take_hold(hold, on)

    def be_held(self, hold: Hold | None) -> None:
        """Note who holds its input now, and tell its viewer."""
        if hold == self.held:
            return
        self.held = hold
        told = {} if hold is None else {"by": printable(hold.by), "why": hold.kind, "text": hold.text}
        self.note("held", **{"by": None, "why": None, "text": "", **told})
        if self.on_held is not None:
            self.on_held()

    def note_picture(self) -> None:
        """Note that its viewer has a picture."""
        self.seen_at = _now()

    def note_input(self) -> None:
        """Note that a person did something."""
        self.last_input = _now()
        self._input_at = time.monotonic()

    @property
    def about(self) -> str:
        """What it shows, for the log: the target, and whose desktop it is unless it is the user's own."""
        own = self.owner.name == self.user.name
        return self.target.name if own else f"{self.target.name} of {self.owner.name}"

    def as_seen_by(self, user: User) -> dict[str, Any]:
        """One row of ``GET api/targets/{name}/viewers``."""
        mine = self.user.name == user.name
        return {"user": self.user.name, "mode": self.mode.value, "since": self.since.isoformat(), "you": mine}

    def public(self) -> dict[str, Any]:
        """One row of ``GET api/sessions``."""
        return {
            "id": self.id,
            "target": self.target.name,
            "mode": self.mode.value,
            "user": self.user.name,
            "owner": self.owner.name,
            "machine": self.machine or None,
            "since": self.since.isoformat(),
            "last_input": self.last_input.isoformat() if self.last_input else None,
            "hand": self.hand.isoformat() if self.hand else None,
            "hand_sentence": self.hand_sentence,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
        }


def place_of(owner: User, target: Target) -> tuple[str, ...]:
    """Name the desktop that a target is for its owner; a managed one is their own."""
    return target.address.place(owner.name, target.name)
