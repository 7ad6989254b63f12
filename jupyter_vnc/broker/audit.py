"""What happened in a session's life: one log line at open and close, metrics, and events; states of desktops.

Nothing here is a secret or an address: a session id, a target's name, a user's name, counts and the close code.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import SessionEnded
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import State
from jupyter_vnc.system.logs import one_line

from .metrics import Metrics, process_metrics

SESSION_EVENT: Final = "https://events.jupyter.org/jupyter_vnc/session/v1"
DESKTOP_EVENT: Final = "https://events.jupyter.org/jupyter_vnc/desktop/v1"
EVENT_SCHEMA_FILES: Final = tuple(
    Path(__file__).parents[1] / "event_schemas" / name for name in ("session.yaml", "desktop.yaml")
)


class EventLogger(Protocol):
    """The part of :class:`jupyter_events.EventLogger` that is needed here."""

    def emit(self, *, schema_id: str, data: dict[str, Any]) -> Any:
        """Send one event to whoever listens."""


class Audit:
    """Reports what happened to the log, the metrics and the event bus."""

    def __init__(self, log: logging.Logger | logging.LoggerAdapter[Any], *, metrics: Metrics | None = None) -> None:
        self._log = one_line(log)
        self.metrics = metrics or process_metrics()
        #: Where events go; the host sets it when it has an event bus.
        self.events: EventLogger | None = None
        #: Called with a session whose viewer has a picture; and with such a one that ended, and why.
        self.on_open: Callable[[Session], None] = lambda session: None
        self.on_close: Callable[[Session, str], None] = lambda session, reason: None

    def opened(self, session: Session) -> None:
        """Note that a session began."""
        self._log.info("Session %s: %s opens %s (%s)", session.id, session.user.name, session.about, session.mode.value)
        for other in session.replaced:
            self._log.info("Session %s takes over from session %s of %s", session.id, other.id, other.user.name)
        self.metrics.sessions.inc()
        replaced = {"replaced": [other.id for other in session.replaced]} if session.replaced else {}
        self._emit("opened", session, **replaced)
        session.replaced = ()  # a desktop that changes hands all day must not keep all its earlier sessions

    def seated(self, session: Session) -> None:
        """Note that the viewer of a session has a picture: until then it waited for a machine, or for a connection."""
        if session.seen_at is None:
            session.note_picture()
            self._report(self.on_open, session)

    def closed(self, session: Session, code: CloseCode, reason: str) -> None:
        """Note that a session ended, and why."""
        seconds = session.age
        if isinstance(session.error, SessionEnded):
            reason = session.error.log_line  # also names those who ended a session of their own
        self._log.info(
            "Session %s: %s left %s after %.0f s, %d bytes in, %d bytes out, code %d: %s",
            *(session.id, session.user.name, session.about, seconds),
            *(session.bytes_in, session.bytes_out, code.value, reason),
        )
        self.metrics.sessions.dec()
        self.metrics.ended.labels(str(code.value)).inc()
        self.metrics.bytes.labels("in").inc(session.bytes_in)
        self.metrics.bytes.labels("out").inc(session.bytes_out)
        self._emit("closed", session, code=code.value, seconds=round(seconds, 3))
        if session.seen_at is not None:
            self._report(self.on_close, session, reason)

    def desktop_changed(self, user: str, name: str, state: State) -> None:
        """Note that the state of a desktop of this server has changed, so that whoever shows desktops need not poll."""
        self._publish(DESKTOP_EVENT, {"desktop": name, "user": user, "state": state.value})

    def _emit(self, action: str, session: Session, **more: Any) -> None:
        data = {
            "action": action,
            "session": session.id,
            "target": session.target.name,
            "user": session.user.name,
            "owner": session.owner.name,
            "mode": session.mode.value,
            "bytes_in": session.bytes_in,
            "bytes_out": session.bytes_out,
            **more,
        }
        self._publish(SESSION_EVENT, data)

    def _report(self, to: Callable[..., None], *what: Any) -> None:
        """Tell who keeps the history. What fails there must not keep a session from its end."""
        try:
            to(*what)
        except Exception:  # noqa: BLE001 - whatever it is
            self._log.exception("A visit could not be noted")

    def _publish(self, schema: str, data: dict[str, Any]) -> None:
        """Emit an event on Jupyter's event stream. A listener that fails must not disturb the session."""
        if self.events is not None:
            try:
                self.events.emit(schema_id=schema, data=data)
            except Exception:  # noqa: BLE001 - somebody else's code
                self._log.exception("An event could not be emitted")


def adopt_loggers(log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
    """Show what our modules say at DEBUG where the host's own lines go, as Jupyter does with tornado's."""
    ours = logging.getLogger("jupyter_vnc")
    ours.parent = log.logger if isinstance(log, logging.LoggerAdapter) else log
    ours.setLevel(log.getEffectiveLevel())
