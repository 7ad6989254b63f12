"""The processes of a service, and who is at each."""

import sqlalchemy as sa
from alembic import op

revision = "processes"
down_revision = "leases"


def upgrade() -> None:
    """Make the table of processes."""
    op.create_table(
        "processes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("seen", sa.Float, nullable=False),
        sa.Column("present", sa.Text, nullable=False),
    )
