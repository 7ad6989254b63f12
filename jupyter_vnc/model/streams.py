"""Streams: what a viewer has beside the picture of a session, such as the sound of its desktop."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_vnc.exceptions import VNCError

from .sessions import Session
from .targets import Target
from .users import User


@dataclass(slots=True, eq=False)
class Stream:
    """One live stream. It is beside a session, and lasts no longer than that."""

    session: Session
    target: Target
    owner: User
    #: The kind of its token: it carries sound, or video.
    kind: str = "stream"
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    #: Why somebody ended it, once somebody has; None also where it just ends.
    error: VNCError | None = None
    ended: bool = False
    _stop: Callable[[], Any] | None = None

    def run_by(self, stop: Callable[[], Any]) -> None:
        """Set what ends it: called once by its owner, at once if somebody has ended it already."""
        self._stop = stop
        if self.ended:
            stop()

    def end(self, error: VNCError | None = None) -> None:
        """End it; the first reason stays."""
        if not self.ended:
            self.ended, self.error = True, error
            if self._stop is not None:
                self._stop()
