"""Tasks that were submitted, kept until their time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
        """Keep a submission."""
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
        """The submissions that wait, or whose time has come at a moment, in order."""
        query = sa.select(submitted_tasks).where(submitted_tasks.c.state == "waiting")
        if due_at is not None:
            query = query.where(submitted_tasks.c.due_at <= due_at)
        with self._ledger.read() as connection:
            rows = connection.execute(query.order_by(submitted_tasks.c.due_at)).all()
        return [
            Submission(
                row.submission_id, Task.from_json(row.task), row.submitted_at, row.due_at, row.state
            )
            for row in rows
        ]

    def state(self, submission_id: str) -> SubmissionState | None:
        """How far a submission is; None for one that was not for a time."""
        query = sa.select(submitted_tasks.c.state).where(
            submitted_tasks.c.submission_id == submission_id
        )
        with self._ledger.read() as connection:
            state: SubmissionState | None = connection.execute(query).scalar_one_or_none()
        return state

    def change(self, submission_id: str, state: SubmissionState) -> None:
        """Note that a submission that waited was started or canceled; raises `UsageError` where it
        does not wait.
        """
        mine = (submitted_tasks.c.submission_id == submission_id) & (
            submitted_tasks.c.state == "waiting"
        )
        with self._ledger.write() as connection:
            if not connection.execute(
                submitted_tasks.update().where(mine).values(state=state)
            ).rowcount:
                raise UsageError(
                    f"No task {submission_id!r} waits for its time; it was started or canceled "
                    "before."
                )
