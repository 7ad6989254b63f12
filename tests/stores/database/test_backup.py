"""The page about backups: its commands bring back what was there, run as they stand."""

import logging
import os
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.keyring import Keyring
from jupyter_vnc.stores.database.registered import RegisteredTargets, Write
from tests.needs import require

PAGE = Path(__file__).parents[3] / "docs/howto/back-up.md"
KEYS = "jupyter-vnc-keys"
LOG = logging.getLogger("tests.database")


def commands(title):
    """The two blocks of commands of a section: to back up, and to restore."""
    (section,) = re.findall(rf"^## {title}\n(.*?)^## ", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    backup, restore = re.findall(r"^```bash\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return backup, restore


def test_the_page_has_no_other_commands():
    blocks = [*commands("SQLite"), *commands("PostgreSQL")]
    assert re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL) == blocks


def paste(script, folder, variables):
    """Run commands as a person does who pastes them: the shell goes on after one that fails."""
    return subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run(script, folder, **variables):
    """Run commands that do what they should; return what they said."""
    done = paste(script, folder, variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def contents(folder):
    """The files of a folder and of those in it."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


async def register(database, keys, name, secret):
    sealed = keys.seal(name, {"password": secret})
    await RegisteredTargets(database).write([Write(name, {"host": "h"}, sealed, 0)], "ada")


async def passwords(url, keys_file):
    """The passwords of all targets of a database, as a service reads them that starts with these files."""
    database, keys = Database(urls.parse(url), LOG), Keyring(keys_file)
    await database.open()
    try:
        _, entries = await RegisteredTargets(database).all()
        return {one.name: keys.unseal(one.name, one.sealed)["password"] for one in entries}
    finally:
        await database.close()


def killed(folder, left):
    """Leave in another folder what a service leaves that is killed now."""
    shutil.copytree(folder, left)
    left.chmod(0o700)
    return left


async def test_a_backup_of_sqlite_brings_back_what_was_there(tmp_path):
    require("sqlite3")
    backup, restore = commands("SQLite")
    folder = tmp_path / "service"
    folder.mkdir()
    database, keys = Database(urls.parse(f"sqlite:///{folder}/jupyter-vnc.sqlite"), LOG), Keyring(folder / KEYS)
    await database.open()
    await register(database, keys, "lab-1", "s3cret-1")
    assert run(backup, folder) == "ok\n", "while it is open"
    await register(database, keys, "lab-2", "s3cret-2")
    left = killed(folder, tmp_path / "killed")
    await database.close()
    assert (left / "jupyter-vnc.sqlite-wal").stat().st_size, "otherwise there is nothing to be confused by"
    (left / KEYS).unlink()
    run(restore, left)
    assert {one.name for one in left.glob("jupyter-vnc*")} >= {"jupyter-vnc.sqlite", KEYS}
    assert {one.stat().st_mode & 0o077 for one in left.rglob("*") if one.is_file()} == {0}
    assert await passwords(f"sqlite:///{left}/jupyter-vnc.sqlite", left / KEYS) == {"lab-1": "s3cret-1"}


#: What may be wrong with a backup: the file, and what is in it; None where it is not there.
BAD = {
    "no backup": ("backup/jupyter-vnc.sqlite", None),
    "an empty one": ("backup/jupyter-vnc.sqlite", b""),
    "one that is none": ("backup/jupyter-vnc.sqlite", b"not a database, but as long as the header of one" * 9),
    "no keys": ("backup-of-keys/jupyter-vnc-keys", None),
}


def spoil(file, content):
    file.unlink()
    if content is not None:
        file.write_bytes(content)


@pytest.mark.parametrize("wrong", BAD)
async def test_without_a_good_backup_of_sqlite_a_restore_leaves_what_is_there(tmp_path, wrong):
    require("sqlite3")
    backup, restore = commands("SQLite")
    database, keys = Database(urls.parse(f"sqlite:///{tmp_path}/jupyter-vnc.sqlite"), LOG), Keyring(tmp_path / KEYS)
    await database.open()
    await register(database, keys, "lab-1", "s3cret-1")
    await database.close()
    run(backup, tmp_path)
    name, content = BAD[wrong]
    spoil(tmp_path / name, content)
    before = contents(tmp_path)
    assert paste(restore, tmp_path, {}).returncode != 0
    assert contents(tmp_path) == before


async def test_a_second_restore_keeps_what_was_there_before_the_first(tmp_path):
    require("sqlite3")
    backup, restore = commands("SQLite")
    database, keys = Database(urls.parse(f"sqlite:///{tmp_path}/jupyter-vnc.sqlite"), LOG), Keyring(tmp_path / KEYS)
    await database.open()
    await register(database, keys, "lab-1", "s3cret-1")
    run(backup, tmp_path)
    await register(database, keys, "lab-2", "s3cret-2")
    await database.close()
    run(restore, tmp_path)
    before = contents(tmp_path)
    assert "File exists" in paste(restore, tmp_path, {}).stderr
    assert contents(tmp_path) == before
    old = tmp_path / "before-restore"
    found = await passwords(f"sqlite:///{old}/jupyter-vnc.sqlite", old / KEYS)
    assert found == {"lab-1": "s3cret-1", "lab-2": "s3cret-2"}


async def test_what_a_killed_service_left_would_change_a_backup_that_is_only_copied(tmp_path):
    """Why the page moves it away."""
    backup, _ = commands("SQLite")
    folder = tmp_path / "service"
    folder.mkdir()
    database, keys = Database(urls.parse(f"sqlite:///{folder}/jupyter-vnc.sqlite"), LOG), Keyring(folder / KEYS)
    await database.open()
    await register(database, keys, "lab-1", "s3cret-1")
    run(backup, folder)
    await register(database, keys, "lab-2", "s3cret-2")
    left = killed(folder, tmp_path / "killed")
    await database.close()
    shutil.copy2(left / "backup/jupyter-vnc.sqlite", left)
    try:
        found = await passwords(f"sqlite:///{left}/jupyter-vnc.sqlite", left / KEYS)
    except StoreUnavailable:
        found = {}
    assert found != {"lab-1": "s3cret-1"}


@pytest.fixture
def new_postgresql(postgres):
    """A database for the page's commands, its URL, and the variables with which they find it."""
    postgres.do("postgres", "DROP DATABASE IF EXISTS vnc_before_restore")
    where = {"PGHOST": str(postgres.folder), "PGUSER": "vnc", "PATH": f"{postgres.programs}:{os.environ['PATH']}"}
    yield postgres.new_database("vnc"), where
    postgres.do("postgres", "DROP DATABASE IF EXISTS vnc_before_restore")


def owners(url):
    """Whose the tables of a database are."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        return [owner for (owner,) in rows]


@pytest.mark.parametrize("account", ["vnc", "administrator"])
async def test_a_backup_of_postgresql_brings_back_what_was_there(tmp_path, postgres, new_postgresql, account):
    backup, restore = commands("PostgreSQL")
    url, where = new_postgresql
    database, keys = Database(urls.parse(url), LOG), Keyring(tmp_path / KEYS)
    await database.open()
    await register(database, keys, "lab-1", "s3cret-1")
    run(backup, tmp_path, **where)
    kept = [*(tmp_path / "backup").iterdir(), *(tmp_path / "backup-of-keys").iterdir()]
    assert {one.name: one.stat().st_mode & 0o077 for one in kept} == {"jupyter-vnc.dump": 0, KEYS: 0}
    await register(database, keys, "lab-2", "s3cret-2")
    await database.close()
    (tmp_path / KEYS).unlink()
    postgres.do("vnc", "CREATE TABLE of_a_newer_version (x int)")
    if account != "vnc":
        postgres.do("postgres", f"DROP ROLE IF EXISTS {account}", f"CREATE ROLE {account} LOGIN SUPERUSER")
    run(restore, tmp_path, **where | {"PGUSER": account})
    assert await passwords(url, tmp_path / KEYS) == {"lab-1": "s3cret-1"}
    assert owners(url) == ["vnc"]
    with pytest.raises(Exception, match="of_a_newer_version"):
        postgres.do("vnc", "SELECT * FROM of_a_newer_version")
    postgres.do("vnc_before_restore", "SELECT * FROM of_a_newer_version")


async def test_a_backup_of_postgresql_is_brought_to_a_new_machine(tmp_path, postgres, new_postgresql):
    backup, restore = commands("PostgreSQL")
    url, where = new_postgresql
    database, keys = Database(urls.parse(url), LOG), Keyring(tmp_path / KEYS)
    await database.open()
    await register(database, keys, "lab-1", "s3cret-1")
    await database.close()
    run(backup, tmp_path, **where)
    postgres.do("postgres", "DROP DATABASE vnc")
    run(restore, tmp_path, **where)
    assert await passwords(url, tmp_path / KEYS) == {"lab-1": "s3cret-1"}


@pytest.mark.parametrize("wrong", BAD)
async def test_without_a_good_backup_of_postgresql_a_restore_leaves_what_is_there(tmp_path, new_postgresql, wrong):
    backup, restore = commands("PostgreSQL")
    url, where = new_postgresql
    database, keys = Database(urls.parse(url), LOG), Keyring(tmp_path / KEYS)
    await database.open()
    await register(database, keys, "lab-1", "s3cret-1")
    await database.close()
    run(backup, tmp_path, **where)
    name, content = BAD[wrong]
    spoil(tmp_path / name.replace("jupyter-vnc.sqlite", "jupyter-vnc.dump"), content)
    before = contents(tmp_path)
    assert paste(restore, tmp_path, where).returncode != 0
    assert contents(tmp_path) == before
    assert await passwords(url, tmp_path / KEYS) == {"lab-1": "s3cret-1"}
