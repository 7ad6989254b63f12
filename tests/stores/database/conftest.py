"""A database of each kind, empty for each test."""

import logging

import pytest

from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database.database import Database
from tests.stores.database.postgres import PostgreSQL

LOG = logging.getLogger("tests.database")


@pytest.fixture(scope="session")
def postgres():
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/vnc.sqlite"
    return request.getfixturevalue("postgres").new_database("vnc")


@pytest.fixture
def database(url, jp_asyncio_loop):
    database = Database(urls.parse(url), LOG)
    jp_asyncio_loop.run_until_complete(database.open())
    yield database
    jp_asyncio_loop.run_until_complete(database.close())
