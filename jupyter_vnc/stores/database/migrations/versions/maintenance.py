"""What is in maintenance."""

import sqlalchemy as sa
from alembic import op

revision = "maintenance"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "maintenance",
        sa.Column("target", sa.String(64), primary_key=True),
        sa.Column("machine", sa.String(64), primary_key=True),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
    )
