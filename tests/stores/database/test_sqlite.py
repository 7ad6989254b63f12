"""What SQLite's connections leave to others."""

import asyncio
import sqlite3
import threading

import pytest
from sqlalchemy import text

from jupyter_vnc.stores.database import sqlite

COUNT = "UPDATE revisions SET number = number + 1 WHERE kind = 'sessions' RETURNING {}"


def test_a_connection_that_cannot_roll_back_is_closed_all_the_same():
    class Broken(sqlite.Connection):
        def rollback(self):
            raise sqlite3.OperationalError("disk I/O error")

    connection = Broken(":memory:", isolation_level=None)
    connection.execute("BEGIN")
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


@pytest.fixture
def patient(monkeypatch):
    """A change waits long for another one, however busy the machine is, with an engine that is made after this."""
    monkeypatch.setattr(sqlite, "BUSY", 60)


async def test_who_was_cancelled_between_a_change_and_its_answer_locks_nobody_out(patient, sqlite_database):
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
