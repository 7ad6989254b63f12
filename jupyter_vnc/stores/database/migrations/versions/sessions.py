"""Sessions that live, and notices for the processes that run them."""

import sqlalchemy as sa
from alembic import op

revision = "sessions"
down_revision = "visits"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("process", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("sessions_process", "sessions", ["process"])
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("process", sa.String(32), nullable=False),
        sa.Column("session", sa.String(16), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("notices_process", "notices", ["process"])
    op.execute("INSERT INTO revisions (kind, number) VALUES ('sessions', 0)")
