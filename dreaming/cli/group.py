"""The command itself: its group, how it ends on errors, and where it writes.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 stopped by budget or time, 130 interrupted.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dreaming.errors import DreamingError, UsageError
from dreaming.showing.plain import jsonable

console = Console()


diagnostics = Console(stderr=True)


class Commands(click.Group):
    """The command's group: errors of dreaming become a message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            fail(str(error), 2)
        except DreamingError as error:
            fail(str(error), 1)


def fail(message: str, exit_code: int) -> NoReturn:
    """Say what went wrong and leave."""
    # Not wrapped: a filter's error points at a place in a line.
    diagnostics.print(f"[red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    sys.exit(exit_code)


def write_json(value: object) -> None:
    """Write a value as JSON on standard output."""
    text = json.dumps(value, ensure_ascii=False, default=jsonable)
    # A file name need not be UTF-8: what of it no stream can write becomes \udcXX, which is JSON's
    # own escape.
    click.echo(text.encode("utf-8", "backslashreplace").decode())


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on standard error; silent where that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=diagnostics, transient=True, disable=not diagnostics.is_terminal
    ) as progress:
        yield progress


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dreaming")
def cli() -> None:
    """Turn each day's conversations into searchable memory, overnight, free and on your own
    machine.
    """
