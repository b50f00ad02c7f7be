"""The entry point of the command: the commands of `dreaming.cli`, and those that need Dagster.

    days.py         commands whose runs write days: run, forget, local-only
    demo.py         demo: import, run, search and an estimate in one go
    upgrades.py     commands whose runs buy or learn: upgrade, collect, learn
    serving.py      commands that serve, and the one that moves to servers: ui, mcp, move

A command imports Dagster when it makes a run, and not before: `--help`, a wrong option and a
preview cost nothing.
"""

import os
import signal
import warnings

from dagster_project.cli import days, demo, serving, upgrades
from dreaming.cli import cli

__all__ = ["cli", "days", "demo", "main", "serving", "upgrades"]


def main() -> None:
    """The `dreaming` command."""
    # Whatever is written, by Dagster too, is its owner's alone.
    os.umask(0o077)
    # Dagster warns its users of its own use of its beta parameters; that is no news for ours.
    warnings.filterwarnings("ignore", module=r"dagster\.")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # As a script's `dreaming ... &` has it. Dagster treats SIGTERM alike, and its children
        # would never end.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli(prog_name="dreaming")
