"""What Dagster loads: the definitions for the environment's settings."""

import dagster as dg

from dagster_project.building import build_definitions
from dreaming.settings import Settings


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the home that the environment names."""
    return build_definitions(Settings.from_environment())
