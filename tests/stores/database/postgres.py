"""A real PostgreSQL on a Unix socket."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tests.needs import _lack


def binaries():
    """The folder of PostgreSQL's programs: Debian has them outside of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and not shutil.which("initdb"):
        _lack("not installed: postgresql")
    return found[-1].parent if found else Path(shutil.which("initdb")).parent


class PostgreSQL:
    """A cluster of its own, without a port. It does not run as root, so it gets another account there.

    Args:
        settings: further ones, such as ``max_connections=20``.
    """

    def __init__(self, *settings):
        self._settings = [word for setting in settings for word in ("-c", setting)]
        self.programs = binaries()
        self._root = os.geteuid() == 0
        self.folder = Path(tempfile.mkdtemp(prefix="vnc-pg-"))
        if self._root:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._do(
            "initdb", "--pgdata", self.folder / "data", "--no-sync", "--auth=trust", "--username=vnc", "-E", "UTF8"
        )
        self.start()

    def _as(self):
        return {"user": "postgres", "group": "postgres", "extra_groups": []} if self._root else {}

    def _do(self, program, *arguments):
        command = [self.programs / program, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, timeout=60, **self._as())

    def start(self):
        options = ["-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
        options += self._settings
        with (self.folder / "log").open("ab") as log:
            command = [self.programs / "postgres", "-D", self.folder / "data", *options]
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self._as())
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(host=str(self.folder), user="vnc", dbname="postgres").close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.05)
            else:
                return

    def stop(self):
        """End it at once, connections included."""
        self._process.terminate() if self._process.poll() is not None else self._process.send_signal(2)
        self._process.wait(20)

    def new_database(self, name):
        """Make an empty database; return its URL."""
        with psycopg.connect(host=str(self.folder), user="vnc", dbname="postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://vnc@/{name}?host={self.folder}"

    def do(self, name, *statements):
        """Run statements in a database, as its owner."""
        with psycopg.connect(host=str(self.folder), user="vnc", dbname=name, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def ask(self, name, query):
        """Return the only value that a query has for an answer."""
        with psycopg.connect(host=str(self.folder), user="vnc", dbname=name, autocommit=True) as connection:
            return connection.execute(query).fetchone()[0]

    def dump(self, name):
        """Return what a backup of a database contains."""
        command = [self.programs / "pg_dump", "--host", self.folder, "--username=vnc", "--inserts", name]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)
