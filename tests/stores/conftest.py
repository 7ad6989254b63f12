"""One PostgreSQL for all, emptied for each test."""

import logging

import pytest

from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database.database import Database
from tests.stores.database.postgres import PostgreSQL


@pytest.fixture(scope="session")
def postgres():
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture
def open_database(jp_asyncio_loop):
    """Open a database, as one more process would; each is closed at the end."""
    databases = []

    def open_database(url, *, alone=False):
        database = Database(urls.parse(url), logging.getLogger("tests.database"))
        jp_asyncio_loop.run_until_complete(database.open(alone=alone))
        databases.append(database)
        return database

    yield open_database
    for database in databases:
        jp_asyncio_loop.run_until_complete(database.close())


@pytest.fixture
def sqlite_database(tmp_path, open_database):
    return open_database(f"sqlite:///{tmp_path}/vnc.sqlite")


@pytest.fixture
def postgresql_database(postgres, open_database):
    return open_database(postgres.new_database("vnc"))
