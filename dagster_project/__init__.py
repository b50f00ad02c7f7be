"""The wiring: assets, resources, jobs, schedules and sensors as Dagster definitions, and runs.

A run is described as a `Launch` (job, config, tags). It is executed in the command's own process,
for which no daemon is needed, or handed to Dagster's daemon; the UI shows both. `dreaming` does not
know Dagster: everything that imports it is here, in `assets` or in `resources`.

    definitions.py   what Dagster loads
    building.py      the definitions, buildable with overrides
    jobs.py          the jobs, and their run configs
    large_day.py     the job that cuts a huge day in shards
    executors.py     where the steps of that job go
    celery_runs.py   letting runs on Celery workers wait for their steps
    schedules.py     the nightly runs
    sensors.py       runs for imports, batches and tasks; ending runs whose process is gone
    retention.py     deleting old runs
    instance.py      the user's Dagster instance and its `dagster.yaml`
    event_log.py     Dagster's SQLite event log, with engines that are kept
    history.py       moving Dagster's history to another instance
    launches.py      a run to be made, from days, an upgrade or a task
    running.py       making a run, in this process, another one or by the daemon
    owners.py        which process makes which run, and runs whose process is gone
    scheduler.py     tasks from Python
    webserver.py     `dreaming ui`
    cli/             the commands that need Dagster, beside those of `dreaming.cli`
    mcp/             the MCP server
    __main__.py      `python -m dagster_project`
    workspace.yaml   the code location, for an installed dreaming
"""
