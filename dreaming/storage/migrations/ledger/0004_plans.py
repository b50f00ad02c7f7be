"""Decisions of planners."""

import sqlalchemy as sa
from alembic import op

revision = "0004_plans"
down_revision = "0003_spending"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.Text, primary_key=True),
        sa.Column("made_at", sa.BigInteger, nullable=False, index=True),
        sa.Column("run_id", sa.Text, nullable=True),
        sa.Column("decision", sa.JSON, nullable=False),
    )
