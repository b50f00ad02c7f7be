"""For Celery workers that take runs: `dagster-celery worker start -i dagster_project.celery_runs`.

A run of a huge day is a task that waits for its steps, which are tasks too. Celery forbids that,
since all workers of a queue might wait for tasks in that same queue for ever. Our steps have a
queue of their own (`dagster_project.executors.STEP_QUEUE`), so they always get a worker.
"""

from celery import _state
from celery.signals import worker_process_init


@worker_process_init.connect  # type: ignore[untyped-decorator]
def let_runs_wait_for_steps(**_event: object) -> None:
    """Let the tasks of this process wait for others."""
    # Private to Celery: it has no setting for this.
    _state._set_task_join_will_block(False)
