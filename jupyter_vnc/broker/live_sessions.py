"""The sessions that run, and the machines behind them: who may see, end, keep and give them back, or send a message."""

from __future__ import annotations

from typing import Any, Final

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.escaping import is_web_address, printable
from jupyter_vnc.exceptions import MalformedRequest, NotPermitted, TargetBusy, TargetNotFound
from jupyter_vnc.model.causes import given_back
from jupyter_vnc.model.maintenance import Place
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import place_of
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.system.logs import Log

from .catalogue import Catalogue
from .elsewhere import MUTE, Elsewhere

#: The longest message that is shown in a viewer (characters).
MAX_MESSAGE: Final = 500

_MAINTENANCE: Final = (
    "This machine goes into maintenance. Save your work now; once you have left, you cannot open it until it is back."
)
_IN_SERVICE: Final = "The maintenance of this machine is over."


class LiveSessions:
    """What people may do to sessions that run: their own, and those of users whom they oversee.

    Args:
        registry: the sessions.
        catalogue: finds the desktops that a visitor may know of.
        access: what lies behind a target: its machines and places.
        log: for what people did.
    """

    def __init__(self, registry: SessionRegistry, catalogue: Catalogue, access: AccessKinds, log: Log) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._access = access
        self._log = log
        #: The sessions in other servers; the host sets it.
        self.elsewhere = Elsewhere()

    def rows(self, visitor: Visitor) -> list[dict[str, Any]]:
        """List the visitor's live sessions, and those that they oversee: the rows of ``GET api/sessions``."""
        return [session.public() for session in self._registry.seen_by(visitor)]

    async def viewers(self, visitor: Visitor, name: str, owner: str = "") -> list[dict[str, Any]]:
        """List the sessions on a desktop, including the visitor's: the rows of ``GET api/targets/{name}/viewers``.

        Raises:
            TargetNotFound: unknown or not permitted.
        """
        access = await self._catalogue.find(visitor, name, owner)
        here = self._registry.at(place_of(access.owner, access.target))
        return [session.as_seen_by(visitor.user) for session in here]

    def end(self, session_id: str, visitor: Visitor) -> None:
        """End a session that :meth:`rows` or the course room lists.

        Raises:
            TargetNotFound: there is none.
        """
        try:
            self._registry.end(session_id, visitor)
        except TargetNotFound:
            owner = self.elsewhere.end(visitor, session_id)
            self._log.info("Session %s: %s ends it, in the server of %s", session_id, visitor.user.name, owner)

    def dismiss(self, name: str) -> None:
        """End the sessions of a user who is a guest here no longer."""
        for session in tuple(self._registry):
            if session.user.name == name:
                session.end(NotPermitted("The owner no longer shares this desktop with you."))

    async def keep(self, visitor: Visitor, name: str) -> None:
        """Keep the visitor's own machine of a pool, which is about to be taken back because nobody uses it.

        Raises:
            TargetNotFound: there is none.
        """
        access = await self._catalogue.find(visitor, name)
        if access.owner.name != visitor.user.name:
            raise TargetNotFound
        self._access.of(access.target).keep(access.target, access.owner)

    async def release(self, visitor: Visitor, name: str, owner: str = "") -> None:
        """Give back a machine of a pool or a place in its queue, of the visitor or of a user whom they oversee.

        Raises:
            TargetNotFound: there is none.
        """
        access = await self._catalogue.find(visitor, name, owner)
        mine = access.owner.name == visitor.user.name
        if not mine and not visitor.oversees(access.owner, access.target):
            raise TargetNotFound
        self._access.of(access.target).release(access.target, access.owner, given_back(visitor.user, access.owner))
        if mine:
            self._log.info("%s gave back their machine or place at %s", visitor.user.name, name)
        else:
            self._log.info("%s took back the machine or place of %s at %s", visitor.user.name, access.owner.name, name)

    def send_message(self, visitor: Visitor, session_id: str, text: object, *, link: bool = False) -> None:
        """Show a message in the viewer of a session that :meth:`rows` or the course room lists.

        With ``link``, the text is a web address, which the viewer offers to open.

        Raises:
            MalformedRequest: the text is empty, no string, or over :data:`MAX_MESSAGE` characters; or no address.
            TargetNotFound: there is no such session.
            TargetBusy: its viewer cannot show messages.
        """
        if not isinstance(text, str) or not 0 < len(text.strip()) <= MAX_MESSAGE:
            raise MalformedRequest(f"A message has 1 to {MAX_MESSAGE} characters.")
        if link and not is_web_address(text.strip()):
            raise MalformedRequest("A link begins with https:// or http://.")
        try:
            session = self._registry.find(session_id, visitor)
        except TargetNotFound:
            owner = self.elsewhere.message(visitor, session_id, text.strip(), link=link)
            line = "Session %s: %s sends %s, in their server, a message of %d characters"
            self._log.info(line, session_id, visitor.user.name, owner, len(text))
            return
        if session.tell is None:
            raise TargetBusy(MUTE)
        self._log.info(
            "Session %s: %s sends %s, at %s, a message of %d characters",
            *(session.id, visitor.user.name, session.user.name, session.about, len(text)),
        )
        session.note("link" if link else "message", text=text.strip(), sender=printable(visitor.user.name))

    def maintain(self, place: Place, begins: bool, by: str) -> None:
        """Tell whoever is on a target, or on one machine of it, that maintenance begins or is over."""
        target, machine = place
        sentence = _MAINTENANCE if begins else _IN_SERVICE
        for session in self._registry:
            if session.is_at(target) and machine in ("", session.machine):
                session.note("message", text=sentence, sender=printable(by))
