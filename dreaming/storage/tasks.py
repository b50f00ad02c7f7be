"""Tasks that were submitted for a later time, stored until then."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from dreaming.errors import UsageError
from dreaming.storage.database import Database
from dreaming.storage.tables import submitted_tasks
from dreaming.task import Task

SubmissionState = Literal["waiting", "started", "canceled"]


@dataclass(frozen=True, slots=True)
class Submission:
    """A task as it was submitted once."""

    submission_id: str
    task: Task
    submitted_at: datetime
    due_at: datetime
    state: SubmissionState = "waiting"


class SubmittedTasks:
    """The submissions of a home."""

    def __init__(self, ledger: Database) -> None:
        self._ledger = ledger

    def add(self, submission: Submission) -> None:
        """Store a submission."""
        row = {
            "submission_id": submission.submission_id,
            "task": submission.task.as_json(),
            "submitted_at": submission.submitted_at,
            "due_at": submission.due_at,
            "state": submission.state,
        }
        with self._ledger.write() as connection:
            connection.execute(submitted_tasks.insert().values(row))

    def waiting(self, *, due_at: datetime | None = None) -> list[Submission]:
        """The waiting submissions in order of time; with `due_at`, those that are due by then."""
        query = sa.select(submitted_tasks).where(submitted_tasks.c.state == "waiting")
        if due_at is not None:
            query = query.where(submitted_tasks.c.due_at <= due_at)
        with self._ledger.read() as connection:
            rows = connection.execute(query.order_by(submitted_tasks.c.due_at)).all()
        return [_submission(row) for row in rows]

    def state(self, submission_id: str) -> SubmissionState | None:
        """The state of a submission; None for one that was not for a later time."""
        is_own = submitted_tasks.c.submission_id == submission_id
        query = sa.select(submitted_tasks.c.state).where(is_own)
        with self._ledger.read() as connection:
            state: SubmissionState | None = connection.execute(query).scalar_one_or_none()
        return state

    def change(self, submission_id: str, state: SubmissionState) -> None:
        """Note that a waiting submission was started or canceled.

        Raises `UsageError` where it does not wait.
        """
        column = submitted_tasks.c
        is_waiting = (column.submission_id == submission_id) & (column.state == "waiting")
        update = submitted_tasks.update().where(is_waiting).values(state=state)
        with self._ledger.write() as connection:
            # By the count of updated rows: of two processes that change it, only one succeeds.
            if connection.execute(update).rowcount:
                return
            raise UsageError(
                f"No task {submission_id!r} waits for its time; it was started or canceled before."
            )


def _submission(row: sa.Row[Any]) -> Submission:
    task = Task.from_json(row.task)
    return Submission(row.submission_id, task, row.submitted_at, row.due_at, row.state)
