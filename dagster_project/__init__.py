"""The wiring: assets, resources, jobs, schedules and sensors as Dagster definitions, and how runs are made.

definitions.py    what Dagster loads
building.py       the definitions, buildable with overrides
jobs.py           what is run
schedules.py      when: the day that ended, at 03:00
sensors.py        watched folders, days that imports touched, runs whose process died
instance.py       the user's Dagster instance
running.py        runs in the command's own process
owners.py         which process runs what, and runs whose process is gone
webserver.py      `dreaming ui`
cli.py            the commands that make runs, beside those of `dreaming.cli`
"""
