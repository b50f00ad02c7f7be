"""The user's marks of conversations as local only or not, which count more than an export's."""

import sqlalchemy as sa
from alembic import op

revision = "0002_local_only"
down_revision = "0001_imports"


def upgrade() -> None:
    """Make the table."""
    byte_order = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "local_only_marks",
        sa.Column("conversation_id", byte_order, primary_key=True),
        sa.Column("local_only", sa.Boolean, nullable=False),
    )
