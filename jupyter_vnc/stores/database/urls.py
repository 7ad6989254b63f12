"""The option that says where the database is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.system.files import is_open_to_others, open_regular, read_from

#: The drivers that are used, by the names that people write.
_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
#: A URL is not longer (bytes).
_MAX_URL: Final = 4096


def parse(url: str, *, key: str = "VNCHub.db_url") -> URL:
    """Return the URL of a database, with the driver that we use.

    Raises:
        ConfigError: it is none, or of another kind of database; it is not quoted, because it may contain a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("is not a URL of a database, such as 'sqlite:///jupyter-vnc.sqlite'", key=key) from None
    if (driver := _DRIVERS.get(parsed.drivername)) is None:
        raise ConfigError("must begin with 'sqlite:///' or 'postgresql+psycopg://'", key=key)
    if driver.startswith("sqlite") and (not parsed.database or ":memory:" in parsed.database or parsed.query):
        raise ConfigError("needs the path of a file, as in 'sqlite:///jupyter-vnc.sqlite'", key=key)
    return parsed.set(drivername=driver)


def load(url: str, file: str) -> URL:
    """Return the URL that is configured, itself or in a file that only its owner can read. Blocks.

    Raises:
        ConfigError: it cannot be read, or is not one; names the option.
    """
    if not file:
        return parse(url)
    key = "VNCHub.db_url_file"
    try:
        with open_regular(file) as opened:
            if is_open_to_others(os.fstat(opened.fileno())):
                raise ConfigError(f"{file} can be read by others: chmod 600 it", key=key)
            text = read_from(opened, _MAX_URL).decode("utf-8", "replace")
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", key=key) from None
    return parse(text.strip(), key=key)


def file_of(url: URL) -> Path | None:
    """Return the file of SQLite; None for another database."""
    return Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" else None
