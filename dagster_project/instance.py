"""The user's Dagster instance: where it is, and what it is told when it is new."""

import json
import os
from pathlib import Path

import dagster as dg

from dreaming.errors import ConfigurationError, StorageError
from dreaming.settings import Settings

DAGSTER_YAML = """\
# Written by dreaming when this folder was new; yours to change. https://docs.dagster.io/deployment/oss/dagster-yaml

telemetry:
  enabled: false          # nothing leaves this machine

nux:
  enabled: false

concurrency:
  runs:
    max_concurrent_runs: 2
  pools:
    granularity: run      # dagster instance concurrency set dreaming 1: one run after the other, for a small local LLM

run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1

run_monitoring:           # ends runs whose worker died
  enabled: true

event_log_storage:        # Dagster's own SQLite event log, with engines that are kept
  module: dagster_project.event_log
  class: CachedSqliteEventLogStorage
  config:
    base_dir: {base_dir}

retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 2
      failure: 30
      success: 90
"""


def prepare_dagster_home(settings: Settings) -> Path:
    """Make the folder of the user's Dagster instance, and name it to this process; returns it.

    `DAGSTER_HOME` wins where it is set. An existing `dagster.yaml` is left as it is.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home).expanduser()
    if not folder.is_absolute():
        raise ConfigurationError(f"DAGSTER_HOME={str(folder)!r} is not absolute, which Dagster asks for.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = folder / "dagster.yaml"
        if not configuration.exists():
            configuration.write_text(
                DAGSTER_YAML.format(base_dir=json.dumps(str(folder / "history"))), encoding="utf-8"
            )
    except OSError as error:
        raise StorageError(f"DAGSTER_HOME {str(folder)!r} cannot be written: {error.strerror}.") from error
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The user's Dagster instance, to be used as a context manager."""
    prepare_dagster_home(settings)
    return dg.DagsterInstance.get()
