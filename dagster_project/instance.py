"""The user's Dagster instance: its folder, and the `dagster.yaml` of a new one."""

import json
import os
from pathlib import Path

import dagster as dg

from dreaming.errors import ConfigurationError, StorageError
from dreaming.settings import Settings

_SHARED = """\
# Written by dreaming when this folder was new; yours to change. https://docs.dagster.io/deployment/oss/dagster-yaml

telemetry:
  enabled: false          # nothing leaves this machine

nux:
  enabled: false

concurrency:
  runs:
    max_concurrent_runs: 2
    tag_concurrency_limits:
      # So many upgrades at once for each vendor: they share its rate limits.
      - key: dreaming/provider
        value:
          applyLimitPerUniqueValue: true
        limit: 2
  pools:
    # dagster instance concurrency set dreaming 1: one run after the other, for a small local LLM.
    granularity: run

run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1

run_monitoring:           # ends runs whose worker died, or that never end
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 300
  max_runtime_seconds: 86400
  poll_interval_seconds: 60

run_retries:              # a run whose worker died is made again: it goes on where that one stopped
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false

retention:                # of runs: DREAMING_KEEP_RUNS_DAYS
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 2
      failure: 30
      success: 90
"""

_EMBEDDED = """
event_log_storage:        # Dagster's own SQLite event log, with engines that are kept
  module: {module}
  class: CachedSqliteEventLogStorage
  config:
    base_dir: {base_dir}
"""

_EVENT_LOG = f"{__package__}.event_log"
_EVENT_LOGS = ("dagster_project.event_log", "dreaming_dagster.event_log")
"""The module of the event log in a checkout, and installed from a wheel."""

_POSTGRES = """
storage:                  # beside what dreaming keeps there
  postgres:
    postgres_url:
      env: DREAMING_DATABASE_URL
"""


def dagster_yaml(folder: Path, *, on_postgresql: bool) -> str:
    """The `dagster.yaml` of a new Dagster instance in a folder."""
    if on_postgresql:
        return _SHARED + _POSTGRES
    # A JSON text is a YAML text too, whatever characters the folder's name has.
    base_dir = json.dumps(str(folder / "history"))
    return _SHARED + _EMBEDDED.format(base_dir=base_dir, module=_EVENT_LOG)


def prepare_dagster_home(settings: Settings) -> Path:
    """Make the folder of the user's Dagster instance, and set `DAGSTER_HOME` to it; returns it.

    A `DAGSTER_HOME` that is set already is used. A `dagster.yaml` that a person has changed stays.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home).expanduser()
    if not folder.is_absolute():
        raise ConfigurationError(
            f"DAGSTER_HOME={str(folder)!r} is not absolute, which Dagster asks for."
        )
    try:
        # For its owner alone: the logs of runs may quote conversations.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _configure(folder, on_postgresql=settings.database_url is not None)
    except OSError as error:
        raise StorageError(
            f"DAGSTER_HOME {str(folder)!r} cannot be written: {error.strerror}."
        ) from error
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def _configure(folder: Path, *, on_postgresql: bool) -> None:
    """Write `dagster.yaml`, unless a person has changed it."""
    configuration = folder / "dagster.yaml"
    wanted = dagster_yaml(folder, on_postgresql=on_postgresql)
    # Unchanged, but for the other storage: the settings have changed since it was written.
    for_other_storage = dagster_yaml(folder, on_postgresql=not on_postgresql)
    if not configuration.exists():
        configuration.write_text(wanted, encoding="utf-8")
        return
    written = renamed = configuration.read_text(encoding="utf-8")
    # A home that a checkout made may be opened by an installed dreaming, and the other way round.
    for event_log in _EVENT_LOGS:
        renamed = renamed.replace(f"module: {event_log}\n", f"module: {_EVENT_LOG}\n")
    if renamed == for_other_storage:
        renamed = wanted
    if renamed != written:
        configuration.write_text(renamed, encoding="utf-8")


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The user's Dagster instance, to be used as a context manager."""
    prepare_dagster_home(settings)
    return dg.DagsterInstance.get()
