"""Sessions that another process of the service runs: told as JSON, and what is done to them is sent back there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from jupyter_vnc.exceptions import MachineMoved, SessionEnded, TargetBusy, VNCError

from .addresses import DesktopAddress, UserServerAddress
from .holds import Hold
from .holds import decode as read_hold
from .sessions import LONGEST_SENTENCE, Note, Session
from .targets import Mode, Sharing, Target
from .users import User

#: What changes all the time in a session that is used, so that it is no news.
VOLATILE: Final = ("last_input", "bytes_in", "bytes_out")

#: Sends a notice to the process of a session, by the session's id.
Send = Callable[[str, Mapping[str, Any]], None]

#: Ends that are told as they are. Any other is a :class:`SessionEnded` with its sentence.
_ENDS: Final[Mapping[str, type[VNCError]]] = {kind.__name__: kind for kind in (MachineMoved, SessionEnded, TargetBusy)}


@dataclass(slots=True, eq=False, kw_only=True)
class RemoteSession(Session):
    """A session at another process, as that has told it last.

    Attributes:
        told_place: what it shows; its address stays where it is.
        send: takes what is done to it.
    """

    told_place: tuple[str, ...]
    send: Send

    is_here: ClassVar[bool] = False

    @property
    def place(self) -> tuple[str, ...]:
        """See :attr:`Session.place`."""
        return self.told_place

    def end(self, error: VNCError) -> None:
        """Have it ended; from now on it counts as over."""
        if self.error is None:
            self.error = error
            self.send(self.id, ending(error))

    def put_hand(self, since: datetime | None, sentence: str = "") -> None:
        """Have the hand of its user raised, with a sentence or none, or taken down."""
        self.hand, self.hand_sentence = since, sentence
        self.send(self.id, {"hand": since.isoformat() if since else None, "sentence": sentence})

    def put_hold(self, hold: Hold, *, on: bool) -> None:
        """Have its desktop held there for a while, or have that lifted."""
        self.send(self.id, {"hold": hold.encode(), "on": on})


def ending(error: VNCError) -> dict[str, Any]:
    """Return the notice that ends a session for a reason; see :func:`apply`."""
    return {"end": type(error).__name__, "why": error.message, "detail": error.detail}


def describe(session: Session) -> dict[str, Any]:
    """Return what other processes are told of a session.

    Of its target that is what rights and limits are about: whom it is for, and how it is shared. That it is for single
    users, too, counts, and not which ones.
    """
    user, owner, target = session.user, session.owner, session.target
    return session.public() | {
        "groups": sorted(user.groups),
        "owner_groups": sorted(owner.groups),
        "for_users": bool(target.allow_users),
        "for_groups": sorted(target.allow_groups),
        "sharing": target.sharing.value,
        "place": session.place,
        "server": target.address.server,
        "look_in": session.look_in,
        "notes": session.tell is not None,
    }


def encode(told: Mapping[str, Any]) -> str:
    """Write what :func:`describe` returns."""
    return json.dumps(told, sort_keys=True)


def decode(text: str, send: Send) -> RemoteSession:
    """Read it.

    Raises:
        ValueError: it is not that, as what a newer version tells.
    """
    try:
        return _remote(json.loads(text), send)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _remote(told: Mapping[str, Any], send: Send) -> RemoteSession:
    session_id = str(told["id"])
    session = RemoteSession(
        user=User(told["user"], frozenset(told["groups"])),
        owner=User(told["owner"], frozenset(told["owner_groups"])),
        target=_target(told),
        mode=Mode(told["mode"]),
        id=session_id,
        since=datetime.fromisoformat(told["since"]),
        last_input=_time(told["last_input"]),
        hand=_time(told["hand"]),
        hand_sentence=str(told.get("hand_sentence", ""))[:LONGEST_SENTENCE],
        bytes_in=int(told["bytes_in"]),
        bytes_out=int(told["bytes_out"]),
        look_in=told["look_in"] is True,
        machine=told["machine"] or "",
        told_place=tuple(told["place"]),
        send=send,
    )
    if told["notes"]:
        session.tell = lambda note: send(session_id, {"note": note})
    return session


def _target(told: Mapping[str, Any]) -> Target:
    server = told["server"]
    return Target(
        name=told["target"],
        address=DesktopAddress() if server is None else UserServerAddress(server),
        sharing=Sharing(told["sharing"]),
        allow_users=frozenset({""} if told["for_users"] else ()),
        allow_groups=frozenset(told["for_groups"]),
    )


def _time(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def apply(session: Session, notice: Mapping[str, Any]) -> None:
    """Do to a session of this process what another process has sent for it; what is unknown does nothing.

    Raises:
        ValueError: it is malformed; also KeyError, TypeError.
    """
    if "end" in notice:
        kind = _ENDS.get(notice["end"], SessionEnded)
        session.end(kind(str(notice["why"]), detail=str(notice["detail"])))
    elif "hand" in notice:
        session.put_hand(_time(notice["hand"]), str(notice.get("sentence", ""))[:LONGEST_SENTENCE])
    elif "hold" in notice:
        session.put_hold(read_hold(notice["hold"]), on=notice["on"] is True)
    elif "note" in notice:
        note: Note = notice["note"]
        session.note(note["kind"], **{key: value for key, value in note.items() if key != "kind"})
