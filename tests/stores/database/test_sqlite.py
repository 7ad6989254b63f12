"""What SQLite's connections leave to others."""

import asyncio
import threading

from sqlalchemy import text

COUNT = "UPDATE revisions SET number = number + 1 WHERE kind = 'sessions' RETURNING {}"


async def test_who_was_cancelled_between_a_change_and_its_answer_locks_nobody_out(sqlite_database):
    loop, changing, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold():
        loop.call_soon_threadsafe(changing.set)
        go_on.wait(60)
        return 0

    async def change(answer):
        async with sqlite_database.writing() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            await driver.create_function("hold", 0, hold)
            return (await connection.execute(text(COUNT.format(answer)))).scalar_one()

    task = asyncio.create_task(change("hold()"))
    await asyncio.wait_for(changing.wait(), 60)
    task.cancel()
    go_on.set()
    await asyncio.wait([task])
    assert task.cancelled()
    # The first change is not there; while it is under way, this one waits, and then ends with an error.
    assert await change("number") == 1
