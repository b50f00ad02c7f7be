"""The wiring: assets, resources, jobs, schedules and sensors as Dagster definitions, and how runs
are made.

definitions.py    what Dagster loads
building.py       the definitions, buildable with overrides
jobs.py           what is run
schedules.py      when: the day that ended, at 03:00; an upgrade from what is left over, at 04:00
sensors.py        watched folders, days that imports touched, due tasks, orphaned runs
instance.py       the user's Dagster instance
launches.py       a run to be made: of days, of an upgrade, of a task
running.py        runs in the command's own process, and runs for the daemon
scheduler.py      tasks, from Python
owners.py         which process runs what, and runs whose process is gone
webserver.py      `dreaming ui`
cli.py            the commands that make runs, beside those of `dreaming.cli`
"""
