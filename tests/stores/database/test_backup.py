"""The page about backups: its commands bring back what was there, run as they stand."""

import logging
import os
import re
import shutil
import subprocess
from pathlib import Path

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


def run(script, folder, **variables):
    """Run commands as a person does who looks at each; return what they said."""
    done = subprocess.run(
        ["bash", "-e"],
        input=script,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


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


async def test_what_a_killed_service_left_would_change_a_backup_that_is_only_copied(tmp_path):
    """Why the page deletes it."""
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


async def test_a_backup_of_postgresql_brings_back_what_was_there(tmp_path, postgres):
    backup, restore = commands("PostgreSQL")
    url = postgres.new_database("vnc")
    database, keys = Database(urls.parse(url), LOG), Keyring(tmp_path / KEYS)
    await database.open()
    where = {"PGHOST": str(postgres.folder), "PGUSER": "vnc"}
    where["PATH"] = f"{postgres.programs}:{os.environ['PATH']}"
    await register(database, keys, "lab-1", "s3cret-1")
    run(backup, tmp_path, **where)
    assert (tmp_path / "backup/jupyter-vnc.dump").stat().st_mode & 0o077 == 0
    await register(database, keys, "lab-2", "s3cret-2")
    await database.close()
    postgres.do("vnc", "CREATE TABLE of_a_newer_version (x int)")
    run(restore, tmp_path, **where)
    assert await passwords(url, tmp_path / KEYS) == {"lab-1": "s3cret-1"}
    with pytest.raises(Exception, match="of_a_newer_version"):
        postgres.do("vnc", "SELECT * FROM of_a_newer_version")
