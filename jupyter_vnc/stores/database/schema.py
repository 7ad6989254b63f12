"""Bringing the tables up to date: with Alembic, by one process at a time, in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from jupyter_vnc.exceptions import ConfigError

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
#: Identifies our lock among those of a PostgreSQL database (any number that nobody else uses).
_LOCK: Final = 0x6A76_6E63


def migrate(connection: Connection) -> bool:
    """Bring the tables up to date, inside the connection's transaction; return whether that took any step.

    Raises:
        ConfigError: they are newer than this program.
    """
    if connection.dialect.name == "postgresql":
        # The others wait here, and find everything done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_heads()
    known = {revision.revision for revision in script.walk_revisions()}
    if unknown := set(current) - known:
        version = ", ".join(sorted(unknown))
        raise ConfigError(
            f"the database was made by a newer version of jupyter-vnc (its schema is {version}); install that version, "
            "or restore the backup from before the upgrade",
            key="VNCHub.db_url",
        )
    if set(current) == set(script.get_heads()):
        return False
    command.upgrade(config, "head")
    return True
