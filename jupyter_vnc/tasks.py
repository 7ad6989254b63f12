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
    """Cancel tasks, and return when they have ended; how they ended is nobody's concern any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first error of its tasks as it is, not in a group.

    Who is cancelled gets nothing else, even if a task fails at its end. The tasks are to be waited for inside: before
    Python 3.13, one that fails while the group is being left leaves a cancellation to whoever leaves it.
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
    """Return what the work gives; who keeps company ends with it. When either fails, neither is left running."""
    async with _group() as both:
        kept, worked = both.create_task(company), both.create_task(work)
        await asyncio.wait([worked])
        kept.cancel()
        await asyncio.wait([kept])
    return worked.result()


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run work that makes files in a thread; who is cancelled waits for its end, so that it can be cleared away."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
