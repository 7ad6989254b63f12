"""Logins that are under way at each VNC server, and those that were refused."""

import sqlalchemy as sa
from alembic import op

revision = "logins"
down_revision = "sessions"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "logins",
        sa.Column("server", sa.String(64), primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("process", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(16), nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )
    op.create_table(
        "refusals",
        sa.Column("server", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last", sa.Float, nullable=False),
        sa.Column("open_until", sa.Float, nullable=False),
    )
