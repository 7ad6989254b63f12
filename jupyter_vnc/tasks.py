"""Tasks that end together, and work in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
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
