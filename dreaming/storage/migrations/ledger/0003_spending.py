"""Reservations, scopes of budgets, upgrade requests and their plans, and results of tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0003_spending"
down_revision = "0002_calls"


def upgrade() -> None:
    """Extend `calls`, and make the tables."""
    _extend_calls()
    op.create_table(
        "scopes",
        sa.Column("scope_id", sa.Text, primary_key=True),
        sa.Column("limit_tokens", sa.BigInteger, nullable=True),
        sa.Column("limit_picodollars", sa.BigInteger, nullable=True),
        sa.Column("spent_tokens", sa.BigInteger, nullable=False),
        sa.Column("spent_picodollars", sa.BigInteger, nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger, nullable=False),
        sa.Column("reserved_picodollars", sa.BigInteger, nullable=False),
        sa.Column("elsewhere_tokens", sa.BigInteger, nullable=False),
        sa.Column("elsewhere_picodollars", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.Text, nullable=True),
    )
    op.create_table(
        "budget_limits",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("tier", sa.Text, primary_key=True),
        sa.Column("window", sa.Text, primary_key=True),
        sa.Column("limit_tokens", sa.BigInteger, nullable=True),
        sa.Column("limit_picodollars", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "upgrade_requests",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("deadline_at", sa.BigInteger, nullable=True),
        sa.Column("terms", sa.JSON, nullable=False),
    )
    op.create_table(
        "upgrade_spans",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("span_key", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("slices", sa.JSON, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("asked", sa.Text, nullable=True),
    )
    op.create_index("upgrade_spans_by_day", "upgrade_spans", ["request_id", "day", "position"])
    op.create_table(
        "planned_days",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("skipped", sa.JSON, nullable=False),
    )
    op.create_table(
        "bought_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("published_revision", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "submitted_tasks",
        sa.Column("submission_id", sa.Text, primary_key=True),
        sa.Column("task", sa.JSON, nullable=False),
        sa.Column("submitted_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_index("submitted_tasks_by_state", "submitted_tasks", ["state", "due_at"])
    op.create_table(
        "task_results",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=True, index=True),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
    )


def _extend_calls() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("ended_at", existing_type=sa.BigInteger, nullable=True)
        calls.alter_column("latency_ms", existing_type=sa.BigInteger, nullable=True)
        calls.add_column(sa.Column("request_id", sa.Text, nullable=True))
        calls.add_column(sa.Column("day", sa.Text, nullable=True))
        calls.add_column(sa.Column("delivery", sa.Text, nullable=False, server_default="now"))
        calls.add_column(sa.Column("scopes", sa.JSON, nullable=False, server_default="[]"))
        calls.add_column(sa.Column("owner", sa.Text, nullable=True))
        calls.add_column(sa.Column("reserved_at", sa.BigInteger, nullable=True))
        calls.add_column(sa.Column("lease_until", sa.BigInteger, nullable=True))
        calls.add_column(
            sa.Column("reserved_tokens", sa.BigInteger, nullable=False, server_default="0")
        )
        calls.add_column(
            sa.Column("reserved_picodollars", sa.BigInteger, nullable=False, server_default="0")
        )
        calls.add_column(
            sa.Column("counted_tokens", sa.BigInteger, nullable=False, server_default="0")
        )
        calls.add_column(
            sa.Column("cost_picodollars", sa.BigInteger, nullable=False, server_default="0")
        )
        calls.add_column(
            sa.Column("unusable", sa.Boolean, nullable=False, server_default=sa.false())
        )
        calls.add_column(
            sa.Column("attributed", sa.Boolean, nullable=False, server_default=sa.false())
        )
    op.create_index("ix_calls_request_id", "calls", ["request_id"])
    open_calls = sa.text("state = 'reserved'")
    op.create_index(
        "one_open_call_a_key",
        "calls",
        ["request_key"],
        unique=True,
        sqlite_where=open_calls,
        postgresql_where=open_calls,
    )
