"""The front door: the commands that work on what is kept, and make no run. They import no Dagster.

    group.py        the command itself: its group, how it ends on errors, where it writes
    options.py      options and their types that several commands have
    memory.py       commands on what is remembered: import, search, export, status, page, timezone
    money.py        commands on money: budget, ledger
    topics.py       commands on topic boundaries and quality: segment, eval, accuracy
    upgrades.py     commands on upgrades: plan, undo; and the estimate of `upgrade --dry-run`
    shells.py       completion: what a shell needs to complete the command
    printing.py     how the command prints records, for people

`dagster_project.cli` adds the commands that make runs, and is the entry point. Everything but click
and rich is imported by the command that needs it, so that `--help` is quick.
"""

from dreaming.cli import memory, money, shells, topics, upgrades
from dreaming.cli.group import cli

__all__ = ["cli", "memory", "money", "shells", "topics", "upgrades"]
