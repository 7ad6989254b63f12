"""A database of each kind, empty for each test."""

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest
from sqlalchemy import Float, MetaData, literal

from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.stores.database import processes, urls
from jupyter_vnc.stores.database.database import Database

LOG = logging.getLogger("tests.database")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/vnc.sqlite"
    return request.getfixturevalue("postgres").new_database("vnc")


@pytest.fixture
def dump_of(request):
    """Return all that a database consists of: SQLite's files, or what ``pg_dump`` writes."""

    def dump_of(url):
        if url.startswith("sqlite"):
            file = Path(url.removeprefix("sqlite:///"))
            return b"".join(one.read_bytes() for one in sorted(file.parent.glob(f"{file.name}*")))
        return request.getfixturevalue("postgres").dump("vnc")

    return dump_of


@pytest.fixture
def database(url, jp_asyncio_loop):
    database = Database(urls.parse(url), LOG)
    jp_asyncio_loop.run_until_complete(database.open())
    yield database
    jp_asyncio_loop.run_until_complete(database.close())


@pytest.fixture
def hours(monkeypatch):
    """The clock of processes and of the database, as far as they measure silence; it is set by hand."""
    at = [1e9]
    monkeypatch.setattr(processes, "now", lambda connection: literal(at[0], Float))
    return at


@pytest.fixture
def drop_tables(database):
    """Drop all tables of the database, as a restore does; a service that uses them may be in the way for a moment."""

    def drop(connection):
        (there := MetaData()).reflect(connection)
        there.drop_all(connection)

    async def drop_tables():
        async with asyncio.timeout(30):
            while True:
                database._ask_again = 0.0
                with contextlib.suppress(StoreUnavailable):
                    async with database.writing() as connection:
                        await connection.run_sync(drop)
                    return
                await asyncio.sleep(0.05)

    return drop_tables
