"""The log of everything in this package: what others chose is in its lines, and each of them stays one line.

User names, titles, reasons of VNC servers, file names: a line break in one of them would begin a line of the log, word
for word as its author likes, and an escape sequence would write on the administrator's terminal. That is dealt with
once, in the logger, and not at each of its calls: modules get theirs from :func:`get_logger`, configurable parts
inherit :class:`Configurable`, and ``tests/test_logs.py`` checks that there is no other.
"""

from __future__ import annotations

import logging
import math
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from traitlets import default, validate
from traitlets.config import LoggingConfigurable

from jupyter_vnc.escaping import printable

#: Longest line (characters): a path and a sentence fit in.
MAX_LINE: Final = 8192
#: Kinds of lines that :class:`LineLimiter` remembers; a text of others may be one.
MAX_KINDS: Final = 256

Log: TypeAlias = logging.Logger | logging.LoggerAdapter[Any]


class OneLineLog(logging.LoggerAdapter[logging.Logger]):
    """Escapes what would end a line, or move or reorder the text on a terminal, in all that goes through it."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a message of one printable line, and below it an exception, indented so that no line of it begins one."""
        if not self.isEnabledFor(level):
            return
        with suppress(Exception):  # logging itself complains about a format that does not fit its arguments
            msg, args = printable(str(msg) % args if args else str(msg), MAX_LINE), ()
        raised = _raised(kwargs.get("exc_info"))
        # The frame of this method is left out: the line is its caller's.
        where = self.logger.findCaller(stacklevel=kwargs.get("stacklevel", 1) + 1)[:3]
        record = self.logger.makeRecord(
            self.logger.name, level, *where[:2], msg, args, raised, where[2], kwargs.get("extra")
        )
        if raised is not None:
            record.exc_text = "\n".join(f"    {printable(line, MAX_LINE)}" for line in _lines(raised[1]))
        self.logger.handle(record)


def _raised(given: Any) -> Any:
    """Return what ``exc_info`` stands for, as a record has it; None for nothing."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    found = sys.exc_info() if given is True else given
    return found if found and found[0] is not None else None


def _lines(error: BaseException) -> list[str]:
    """Return the lines of a traceback; those that an exception's own text would make are escaped by the caller."""
    return "".join(traceback.format_exception(error)).split("\n")[:-1]


def one_line(log: Log) -> OneLineLog:
    """Return the log that writes where this one does, a line for each message."""
    if isinstance(log, OneLineLog):
        return log
    while isinstance(log, logging.LoggerAdapter):
        log = log.logger
    return OneLineLog(log, {})


def get_logger(name: str) -> OneLineLog:
    """Return the log of a module."""
    return one_line(logging.getLogger(name))


class Configurable(LoggingConfigurable):
    """A configurable part of this package; its ``log`` writes lines, whoever gave it."""

    @default("log")
    def _log_default(self) -> OneLineLog:
        return one_line(super()._log_default())

    @validate("log")
    def _validate_log(self, proposal: Any) -> OneLineLog:
        return one_line(super()._validate_log(proposal))


class LineLimiter:
    """For lines that hundreds of people may cause at once: one of each kind in a while, with a count of the others.

    Args:
        pause: seconds between two lines of one kind.
        clock: monotonic, in seconds.
    """

    def __init__(self, pause: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._kinds: dict[str, tuple[float, int]] = {}

    def due(self, kind: str) -> str | None:
        """Return what to append to a line of this kind, which is nothing for the first; None if it is not due."""
        now = self._clock()
        last, left_out = self._kinds.get(kind, (-math.inf, 0))
        if now - last < self._pause:
            self._kinds[kind] = (last, left_out + 1)
            return None
        if len(self._kinds) >= MAX_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        return f" ({left_out} more like this since the last line)" if left_out else ""


class Outage:
    """Logs the first of a row of failures, and its end: what is away is asked for many times meanwhile.

    Args:
        log: where to, a line for each message.
        begun: what the first failure means; the error follows.
        over: what is said when it works again.
    """

    def __init__(self, log: Log, begun: str, over: str) -> None:
        self._log = log
        self._begun = begun
        self._over = over
        self.lasts = False

    def failed(self, why: object) -> None:
        """Note a failure."""
        if not self.lasts:
            self._log.warning("%s: %s", self._begun, why)
        self.lasts = True

    def succeeded(self) -> None:
        """Note that it works."""
        if self.lasts:
            self._log.info("%s", self._over)
        self.lasts = False
