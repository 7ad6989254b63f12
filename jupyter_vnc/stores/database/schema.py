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


def migrate(connection: Connection, revision: str = "head") -> bool:
    """Bring the tables up to date, inside the connection's transaction; return whether that took any step.

    Args:
        connection: of the database.
        revision: of the tables that are wanted.

    Raises:
        ConfigError: they are newer than this program.
    """
    if connection.dialect.name == "postgresql":
        # The others wait here, and find everything done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    script = scripts(config := _config(connection))
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
    command.upgrade(config, revision)
    return True


def scripts(config: Config | None = None) -> ScriptDirectory:
    """Return the migrations that there are."""
    return ScriptDirectory.from_config(config or _config())


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
