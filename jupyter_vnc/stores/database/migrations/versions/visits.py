"""Visits: who was at which desktop, from when to when."""

import sqlalchemy as sa
from alembic import op

revision = "visits"
down_revision = "processes"


def upgrade() -> None:
    """Make the table of visits."""
    op.create_table(
        "visits",
        sa.Column("session", sa.String(16), primary_key=True),
        sa.Column("process", sa.String(32), nullable=False),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("ended", sa.Float, nullable=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
    )
    op.create_index("visits_began", "visits", ["began"])
    op.create_index("visits_ended", "visits", ["ended"])
