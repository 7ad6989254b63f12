"""The database's clock: the clocks of several machines differ."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Float, literal_column
from sqlalchemy.ext.asyncio import AsyncConnection

#: In seconds of Unix time.
_CLOCKS: Final = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


def now(connection: AsyncConnection) -> ColumnElement[float]:
    """Return what is the time in a statement."""
    return literal_column(_CLOCKS[connection.dialect.name], Float)
