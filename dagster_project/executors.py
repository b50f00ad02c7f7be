"""Where the steps of a run that fans out go: processes here, Celery workers, containers or pods.

`DREAMING_EXECUTOR` chooses. Where whole runs go is set by the run launcher in the instance's
`dagster.yaml`; see docs/deploying.md.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import dagster as dg

from dreaming.errors import ConfigurationError
from dreaming.settings import ExecutorName

STEP_QUEUE = "dreaming-steps"
"""The Celery queue of steps. Runs are in the queue `dagster`, and wait for their steps: in one
queue, runs could hold every worker that their steps need.
"""

PRELOADED = [f"{__package__}.building"]
"""Imported once, in the process that others are forked from: a small step takes less than this
import.
"""


def _in_process() -> dg.ExecutorDefinition:
    return dg.in_process_executor


def _multiprocess() -> dg.ExecutorDefinition:
    return dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": PRELOADED}}}
    )


def _celery() -> dg.ExecutorDefinition:
    address = {"broker": {"env": "CELERY_BROKER_URL"}, "backend": {"env": "CELERY_RESULT_BACKEND"}}
    return _of_extra("celery", "dagster_celery", "celery_executor").configured(address)


def _docker() -> dg.ExecutorDefinition:
    return _of_extra("docker", "dagster_docker", "docker_executor")


def _k8s() -> dg.ExecutorDefinition:
    return _of_extra("k8s", "dagster_k8s", "k8s_job_executor")


EXECUTORS: dict[ExecutorName, Callable[[], dg.ExecutorDefinition]] = {
    "in_process": _in_process,
    "multiprocess": _multiprocess,
    "celery": _celery,
    "docker": _docker,
    "k8s": _k8s,
}


def build_executor(name: ExecutorName) -> dg.ExecutorDefinition:
    """The executor of a name; raises `ConfigurationError` where its extra is not installed."""
    return EXECUTORS[name]()


def _of_extra(extra: ExecutorName, module: str, attribute: str) -> dg.ExecutorDefinition:
    try:
        extra_module: Any = import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"DREAMING_EXECUTOR={extra} needs {module}, which is not installed: pip install "
            f"'dreaming[{extra}]'."
        ) from error
    executor: dg.ExecutorDefinition = getattr(extra_module, attribute)
    return executor
