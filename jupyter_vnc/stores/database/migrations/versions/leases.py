"""Leases of pools, and their queues."""

import sqlalchemy as sa
from alembic import op

revision = "leases"
down_revision = "tokens"


def upgrade() -> None:
    """Make the tables of pools and of leases."""
    op.create_table(
        "pools",
        sa.Column("pool", sa.String(64), primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("pool", sa.String(64), primary_key=True),
        sa.Column("user", sa.String(64), primary_key=True),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.UniqueConstraint("pool", "machine", name="leases_machine"),
    )
    op.execute("INSERT INTO revisions (kind, number) VALUES ('leases', 0)")
