"""Tokens that wait to be redeemed."""

import sqlalchemy as sa
from alembic import op

revision = "tokens"
down_revision = "maintenance"


def upgrade() -> None:
    """Make the table of tokens."""
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("grant", sa.Text, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("strangers", sa.Integer, nullable=False),
    )
    op.create_index("tokens_user", "tokens", ["user"])
    op.create_index("tokens_expires", "tokens", ["expires"])
    op.execute("INSERT INTO revisions (kind, number) VALUES ('tokens', 0)")
