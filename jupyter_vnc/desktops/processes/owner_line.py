"""The line of a supervisor to its owner: commands on standard input, events on standard output, one of JSON each.

What the other end does holds nothing up: both ways are non-blocking, and events for an owner that does not read wait.
Imports the standard library only: see :mod:`.supervisor`.
"""

from __future__ import annotations

import json
import os
import selectors
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

#: Longest command (bytes); more is not from our owner.
_LONGEST_COMMAND: Final = 4 << 20

#: Events that an owner which does not read finds when it does (bytes); later ones are dropped.
_UNHEARD: Final = 1 << 20


class OwnerLine:
    """Commands in, events out.

    Args:
        selector: waits for both.
        obey: carries out a command.
        complain: notes that a command was invalid or failed; called in the handler of the error.
        hang_up: called when the owner is gone, or sends what is not from it. It unregisters standard input.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        obey: Callable[[dict[str, Any]], None],
        complain: Callable[[], None],
        hang_up: Callable[[], None],
    ) -> None:
        self._selector = selector
        self._obey = obey
        self._complain = complain
        self._hang_up = hang_up
        self._commands = b""
        self._events = b""

    def open(self) -> None:
        """Begin to read commands."""
        os.set_blocking(0, False)  # and with it 1, the same socket: an owner that does not read must not hold us up
        self._selector.register(0, selectors.EVENT_READ, self._read)

    def _read(self) -> None:
        try:
            data = os.read(0, 1 << 16)
        except BlockingIOError:
            return
        except OSError:  # it is gone, and has not read all our events
            data = b""
        if not data:
            self._hang_up()
            return
        *lines, self._commands = (self._commands + data).split(b"\n")
        if len(self._commands) > _LONGEST_COMMAND:
            self._hang_up()
        for line in lines:
            try:
                self._obey(json.loads(line))
            except Exception:  # noqa: BLE001 - what it is, the supervisor's log says
                self._complain()

    def tell(self, **event: Any) -> None:
        """Report an event; it is dropped if the owner has left too many unread."""
        if len(self._events) < _UNHEARD:
            self._events += json.dumps(event).encode() + b"\n"
        self._flush()

    def _flush(self) -> None:
        """Write what the owner takes; the rest when it takes more."""
        try:
            if self._events:
                self._events = self._events[os.write(1, self._events) :]
        except BlockingIOError:
            pass
        except OSError:  # nobody will read it
            self._events = b""
        with suppress(KeyError, ValueError, OSError):
            if not self._events:
                self._selector.unregister(1)
            elif 1 not in self._selector.get_map():
                self._selector.register(1, selectors.EVENT_WRITE, self._flush)
