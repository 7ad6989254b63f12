"""Blocking calls of plug-ins: in threads that may hang, with a time limit, and with tokens kept out of the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

#: A plug-in that takes longer to look up a token, or a file system to answer, times out (seconds).
CALL_TIMEOUT: Final = 5.0
#: Blocking calls at once, including those that have timed out: a stuck server costs this many threads.
MAX_THREADS: Final = 8

#: Loggers that write tokens (or, for a bad source, Redis' password) into their messages.
_TALKATIVE: Final = ("websockify.token_plugins", "urllib3.connectionpool")


class _Mute(logging.Filter):
    """Drops a verbose logger's records in our threads; other threads' records pass."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.here, "muted", False)


_mute = _Mute()


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Drop the records of verbose loggers in this thread."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_mute)
    _mute.here.muted = True
    try:
        yield
    finally:
        _mute.here.muted = False


class CallFailed(Exception):
    """A blocking call raised; only the class of the error is kept, because its text may contain a token."""


class QuietThreads:
    """Runs blocking calls in daemon threads, so that a stuck one keeps neither the loop nor the process from ending."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MAX_THREADS)

    async def run(self, call: Callable[[], T]) -> T:
        """Return what the call returns.

        Raises:
            TimeoutError: it took longer than :data:`CALL_TIMEOUT`, the wait for a free thread included.
            CallFailed: it raised.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        async with asyncio.timeout(CALL_TIMEOUT):
            await self._turns.acquire()
            threading.Thread(target=self._work, args=(loop, answer, call), daemon=True, name="vnc-lookup").start()
            return await answer

    def _work(self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T], call: Callable[[], T]) -> None:
        try:
            with muted():
                result = call()
            report: Callable[[], None] = lambda: answer.set_result(result)  # noqa: E731
        except BaseException as error:  # noqa: BLE001 - TokenRedis calls sys.exit()
            failure = CallFailed(type(error).__name__)
            report = lambda: answer.set_exception(failure)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop is closed; nothing waits
            loop.call_soon_threadsafe(self._finish, answer, report)

    def _finish(self, answer: asyncio.Future[T], report: Callable[[], None]) -> None:
        self._turns.release()
        if not answer.done():
            report()
