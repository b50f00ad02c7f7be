"""`python -m dagster_project` is the `dreaming` command."""

from dagster_project.cli import main

main()
