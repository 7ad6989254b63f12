"""Tasks that end together, work in threads, and a bell that wakes one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

First = TypeVar("First")
Second = TypeVar("Second")
Result = TypeVar("Result")


async def end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel tasks, and return when they have ended; their results are ignored."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first error of its tasks as it is, not in a group.

    A cancelled caller gets the cancellation, even if a task fails at its end. Wait for the tasks inside: before
    Python 3.13, one that fails while the group is being left leaves a pending cancellation in the caller.
    """
    task = asyncio.current_task()
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as failed:
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from failed
        raise failed.exceptions[0] from None


async def together(first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]) -> tuple[First, Second]:
    """Run two things side by side. When one fails, the other is not left running."""
    async with _group() as both:
        one, other = both.create_task(first), both.create_task(second)
        await asyncio.wait([one, other])
    return one.result(), other.result()


async def beside(company: Coroutine[Any, Any, None], work: Coroutine[Any, Any, Result]) -> Result:
    """Return what the work gives; ``company`` is cancelled when it ends. When either fails, neither is left running."""
    async with _group() as both:
        kept, worked = both.create_task(company), both.create_task(work)
        await asyncio.wait([worked])
        kept.cancel()
        await asyncio.wait([kept])
    return worked.result()


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run work that makes files in a thread; a cancelled caller waits for its end, so that the files can be removed."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


class Bell:
    """What wakes a task before its time that looks at something regularly.

    Args:
        rest: the shortest sleep (seconds), however often it is rung.
    """

    def __init__(self, rest: float = 0.0) -> None:
        self._rest = rest
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake it; if it does not sleep, its next sleep is over at once."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Sleep until it is rung, and so long at most."""
        rest = min(self._rest, seconds)
        await asyncio.sleep(rest)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - rest):
                await self._rung.wait()
        self._rung.clear()
