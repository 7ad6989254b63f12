"""Opening a database: its tables, one process for a file, and what happens while it is away."""

import asyncio
import math
import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, Float, Integer, MetaData, String, Text, create_engine, insert, select, text
from sqlalchemy.exc import DataError

from jupyter_vnc.exceptions import ConfigError, StoreUnavailable
from jupyter_vnc.stores.database import database as databases
from jupyter_vnc.stores.database import sqlite, urls
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.registered import RegisteredTargets, Write
from jupyter_vnc.stores.database.schema import migrate, scripts
from jupyter_vnc.stores.database.tables import metadata
from tests.stores.database.conftest import LOG


async def test_the_migrations_make_the_tables_that_the_code_uses(database):
    def compare(connection):
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with database.reading() as connection:
        assert await connection.run_sync(compare) == []


def test_the_migrations_are_one_line():
    script = scripts()
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    assert all(len(revision.nextrev) <= 1 for revision in script.walk_revisions())


#: Values of columns by their type.
_VALUES = {BigInteger: 7, Integer: 7, Float: 7.5, String: "seven", Text: "seven"}


def _fill(connection):
    """Put a row into each table that has none."""
    reflected = MetaData()
    reflected.reflect(connection)
    for table in reflected.tables.values():
        if not connection.execute(select(table)).first():
            kinds = {column.name: column.type for column in table.columns}
            values = {name: next(v for t, v in _VALUES.items() if isinstance(kind, t)) for name, kind in kinds.items()}
            connection.execute(insert(table).values(values))


def _rows(connection):
    reflected = MetaData()
    reflected.reflect(connection)
    tables = [table for name, table in reflected.tables.items() if name != "alembic_version"]
    return {(table.name, repr(row)) for table in tables for row in connection.execute(select(table)).mappings()}


def test_each_migration_keeps_the_rows_of_the_one_before(url):
    engine = create_engine(url)
    with engine.begin() as connection:
        steps = [revision.revision for revision in reversed(list(scripts().walk_revisions()))]
        assert len(steps) >= 3
        rows = set()
        for step in steps:
            migrate(connection, step)
            assert rows <= _rows(connection), step
            _fill(connection)
            rows = _rows(connection)
    engine.dispose()
    assert {name for name, _ in rows} == metadata.tables.keys()


async def test_a_database_of_a_newer_version_is_refused(database, url):
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(ConfigError, match="made by a newer version"):
        await Database(urls.parse(url), LOG).open(alone=False)


async def test_processes_that_start_at_once_migrate_once(url, caplog):
    caplog.set_level("INFO")
    several = [Database(urls.parse(url), LOG) for _ in range(4)]
    await asyncio.gather(*(one.open(alone=False) for one in several))
    for one in several:
        assert await RegisteredTargets(one).revision() == 0
        await one.close()
    assert caplog.text.count("up to date now") == 1


async def test_a_change_outlives_the_process(database, url):
    await RegisteredTargets(database).write([Write("lab", {"host": "a"}, expected=0)], "ada")
    await database.close()
    again = Database(urls.parse(url), LOG)
    await again.open()
    assert [one.name for one in (await RegisteredTargets(again).all())[1]] == ["lab"]
    await again.close()


@pytest.fixture
def open_away(monkeypatch):
    """Open a database that is away then, and back afterwards."""
    monkeypatch.setattr(databases, "PAUSE", 0)

    async def open_away(url):
        database = Database(urls.parse(url), LOG)
        database.trouble, database._ask_again = "away", math.inf
        await database.open(alone=False)
        database._ask_again = 0.0
        return database

    return open_away


async def test_a_database_that_is_newer_when_it_is_back_is_said_once(database, url, open_away, caplog):
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    later = await open_away(url)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await RegisteredTargets(later).all()
    await later.close()
    assert caplog.text.count("cannot be used: the database was made by a newer version") == 1


async def test_tables_that_are_gone_are_made_again(database, drop_tables, monkeypatch, caplog):
    monkeypatch.setattr(databases, "PAUSE", 0)
    targets = RegisteredTargets(database)
    await drop_tables()
    with pytest.raises(StoreUnavailable):
        await targets.all()
    assert "targets" in database.trouble or "revisions" in database.trouble
    assert await targets.write([Write("lab", {"host": "a"}, expected=0)], "ada") == {"lab": 1}
    assert database.trouble == ""
    assert caplog.text.count("does not answer: ") == 1


# -- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    return tmp_path / "vnc.sqlite"


def at(file):
    return Database(urls.parse(f"sqlite:///{file}"), LOG)


async def test_the_file_is_its_owners_and_so_is_its_journal(file):
    database = at(file)
    await database.open()
    await RegisteredTargets(database).write([Write("lab", {"host": "a"})], "ada")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    await database.close()
    assert modes == dict.fromkeys(("vnc.sqlite", "vnc.sqlite-wal", "vnc.sqlite-shm", "vnc.sqlite.lock"), 0o600)


async def test_a_second_process_is_refused_and_told_of_the_first(file):
    """Another process, since a lock within one would prove little."""
    first = at(file)
    await first.open()
    script = (
        "import asyncio, logging, sys\n"
        "from jupyter_vnc.stores.database import urls\n"
        "from jupyter_vnc.stores.database.database import Database\n"
        "asyncio.run(Database(urls.parse(sys.argv[1]), logging.getLogger()).open())\n"
    )
    (link := file.with_name("link.sqlite")).symlink_to(file)
    for path in (file, link):
        command = [sys.executable, "-c", script, f"sqlite:///{path}"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert f"is in use by process {os.getpid()} on " in ran.stderr
    command = at(file)
    await command.open(alone=False)
    assert await RegisteredTargets(command).revision() == 0, "a command works beside it"
    await command.close()
    await first.close()
    again = at(file)
    await again.open()
    await again.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "needs the path"),
        ("sqlite:///:memory:", "needs the path"),
        ("mysql://u:s3cret@h/d", "must begin with"),
        ("nonsense s3cret", "is not a URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_quoted(url, said):
    with pytest.raises(ConfigError, match=said) as refused:
        urls.parse(url)
    assert "s3cret" not in str(refused.value)


def test_a_url_with_a_password_comes_from_a_private_file(tmp_path):
    (file := tmp_path / "url").write_text("postgresql://vnc:s3cret@db/vnc\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        urls.load("", str(file))
    file.chmod(0o600)
    loaded = urls.load("sqlite:///unused", str(file))
    assert loaded.drivername == "postgresql+psycopg"
    assert loaded.password == "s3cret"


async def test_files_that_cannot_be_the_database_are_refused(tmp_path, file):
    file.write_bytes(b"")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        await at(file).open(alone=False)
    with pytest.raises(ConfigError, match="No such file"):
        await at(tmp_path / "no" / "such.sqlite").open()
    os.mkfifo(fifo := tmp_path / "fifo")
    with pytest.raises(ConfigError, match="is not a file"):
        await at(fifo).open(alone=False)


async def test_while_another_process_writes_nothing_blocks_the_loop(file, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY", 1.0)
    database = at(file)
    await database.open()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    targets = RegisteredTargets(database)
    assert await targets.revision() == 0, "readers do not wait"
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    task = asyncio.create_task(beat())
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await targets.write([Write("lab", {})], "ada")
    task.cancel()
    assert beats > 5
    other.execute("ROLLBACK")
    other.close()
    monkeypatch.setattr(databases, "PAUSE", 0)
    async with asyncio.timeout(30):
        while database.trouble:
            await asyncio.sleep(0.05)
            with_again = await asyncio.gather(targets.write([Write("lab", {})], "ada"), return_exceptions=True)
    assert isinstance(with_again[0], dict)
    await database.close()


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["statement_timeout", "idle_in_transaction_session_timeout"])
async def test_postgresql_ends_what_takes_too_long_and_what_a_dead_client_has_begun(postgresql_database, name):
    async with postgresql_database.reading() as connection:
        assert await connection.scalar(text(f"SHOW {name}")) == f"{databases.TIMEOUT:.0f}s"


async def test_postgresql_may_be_away_at_the_start_and_later(postgres, caplog, monkeypatch):
    monkeypatch.setattr(databases, "PAUSE", 0)
    url = postgres.new_database("away").replace("vnc@", "vnc:s3cret@")
    postgres.stop()
    database = Database(urls.parse(url), LOG)
    targets = RegisteredTargets(database)
    try:
        await database.open()
        with pytest.raises(StoreUnavailable):
            await targets.all()
        postgres.start()
        await targets.write([Write("lab", {"host": "a"}, expected=0)], "ada")
        postgres.stop()
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await targets.all()
    finally:
        postgres.start()
    assert [one.name for one in (await targets.all())[1]] == ["lab"]
    await database.close()
    assert caplog.text.count("does not answer: ") == 2
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("name", ["l" * 65, "l\0b"])
async def test_a_value_that_the_database_refuses_is_its_writers_error(postgresql_database, caplog, name):
    with pytest.raises(DataError):
        await RegisteredTargets(postgresql_database).write([Write(name, {"host": "a"})], "ada")
    assert postgresql_database.trouble == ""
    assert await RegisteredTargets(postgresql_database).all() == (0, [])
    assert caplog.text == ""


@pytest.fixture
def poor(postgres):
    """The URL of a database for an account that may not make tables."""
    url = postgres.new_database("vnc")
    no_right = "REVOKE CREATE ON SCHEMA public FROM public"
    postgres.do("vnc", "DROP ROLE IF EXISTS poor", "CREATE ROLE poor LOGIN", no_right)
    return url.replace("vnc@", "poor@")


GRANT = "GRANT USAGE, CREATE ON SCHEMA public TO poor"


async def test_an_account_that_may_not_make_tables_is_told_what_to_grant(poor, postgres):
    said = f"'VNCHub.db_url': .* permission denied for schema public.*: {GRANT}; tables that are there"
    with pytest.raises(ConfigError, match=said):
        await Database(urls.parse(poor), LOG).open()
    postgres.do("vnc", GRANT)
    database = Database(urls.parse(poor), LOG)
    await database.open()
    assert await RegisteredTargets(database).revision() == 0
    await database.close()


async def test_tables_of_another_account_are_refused_at_the_start(poor):
    owner = Database(urls.parse(poor.replace("poor@", "vnc@")), LOG)
    await owner.open()
    await owner.close()
    with pytest.raises(
        ConfigError, match=r"'VNCHub.db_url': .*permission denied for table .* must belong to that account"
    ):
        await Database(urls.parse(poor), LOG).open()


async def test_rights_that_are_missing_when_it_is_back_are_said_once(poor, postgres, open_away, caplog):
    database = await open_away(poor)
    targets = RegisteredTargets(database)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await targets.all()
    assert caplog.text.count(GRANT) == 1
    postgres.do("vnc", GRANT)
    assert await targets.revision() == 0
    await database.close()


@pytest.mark.parametrize(("more", "idle"), [("", 20), ("&keepalives_idle=7", 7)])
def test_a_connection_whose_other_end_is_gone_is_noticed(monkeypatch, more, idle):
    kept = {}
    monkeypatch.setattr(databases, "create_async_engine", lambda url, connect_args, **more: kept.update(connect_args))
    databases._engine(url := urls.parse(f"postgresql+psycopg://vnc@db.example.org/vnc?connect_timeout=9{more}"))
    assert {**kept, **url.query}.keys() >= {"keepalives_idle", "keepalives_interval", "tcp_user_timeout"}
    assert (int({**url.query, **kept}["keepalives_idle"]), "connect_timeout" in kept) == (idle, False)


async def test_two_transactions_that_are_in_each_others_way_are_no_outage(postgresql_database, caplog, monkeypatch):
    """PostgreSQL gives one of them up."""
    monkeypatch.setattr(databases, "TIMEOUT", 60)
    first, both = "UPDATE revisions SET number = number + 1 WHERE kind = '{}'", asyncio.Barrier(2)

    async def count(*kinds):
        async with postgresql_database.writing() as connection:
            await connection.execute(text(first.format(kinds[0])))
            await both.wait()
            await connection.execute(text(first.format(kinds[1])))

    async with asyncio.timeout(60):
        tries = [count("leases", "sessions"), count("sessions", "leases")]
        results = await asyncio.gather(*tries, return_exceptions=True)
    assert {type(one) for one in results} == {type(None), StoreUnavailable}
    assert postgresql_database.trouble == ""
    await count_one(postgresql_database)
    assert "does not answer" not in caplog.text


async def count_one(database):
    async with database.writing() as connection:
        await connection.execute(text("UPDATE revisions SET number = number + 1"))
