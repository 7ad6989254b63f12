"""Tasks that end together."""

import asyncio

from jupyter_vnc import tasks


async def test_all_have_ended_whatever_they_do_at_their_end():
    ended = []

    async def go_on(error=None):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(error)
            if error is not None:
                raise error

    async def be_done():
        return 1

    faulty = RuntimeError("broken")
    some = [asyncio.create_task(one) for one in (go_on(), go_on(faulty), be_done())]
    await asyncio.sleep(0)
    await tasks.end(some)
    assert all(task.done() for task in some)
    assert ended == [None, faulty]


async def test_there_may_be_none():
    await tasks.end([])
