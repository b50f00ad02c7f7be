"""Options and their types that several commands have."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import update_wrapper
from typing import Any, TypeVar

import click

from dreaming.bounds import MOST
from dreaming.chunk import CHUNK_KINDS, QUALITY_LEVELS
from dreaming.errors import UsageError
from dreaming.money import read_usd
from dreaming.remembering.filters import ChunkFilter
from dreaming.settings import parse_day

Command = TypeVar("Command", bound=Callable[..., Any])


class DayParameter(click.ParamType[date]):
    """A day on the command line."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read an ISO date."""
        if isinstance(value, date):
            return value
        try:
            return parse_day(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


DAY = DayParameter()


class DollarsParameter(click.ParamType[Decimal]):
    """Dollars, exact."""

    name = "DOLLARS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """Read a decimal number that is not negative."""
        try:
            dollars = read_usd(value)
            is_meant = 0 <= dollars <= MOST["max_cost_usd"]
        # Decimals compare NaN by an error of their own.
        except (ValueError, InvalidOperation):
            is_meant = False
        if not is_meant:
            expected = f"an amount from 0 to {MOST['max_cost_usd']:,} dollars, such as 2.50"
            self.fail(f"{value!r} is not {expected}.", param, ctx)
        return dollars


DOLLARS = DollarsParameter()


shipped_option = click.option(
    "--shipped",
    is_flag=True,
    help="Use the segmenter that comes with dreaming, not what was learned here.",
)


json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")


def filter_options(command: Command) -> Command:
    """Add the options that say which chunks a command is about, given to it as `wanted`.

    By default of talk only.
    """

    def with_filter(*, first: date | None, last: date | None, **options: Any) -> Any:
        names = ("labels", "languages", "quality_levels", "conversations", "kinds")
        chosen = {name: options.pop(name) for name in names}
        return command(wanted=ChunkFilter(first_day=first, last_day=last, **chosen), **options)

    wrapped: Any = update_wrapper(with_filter, command)
    for option in (
        click.option("--from", "first", type=DAY, help="First day."),
        click.option("--to", "last", type=DAY, help="Last day."),
        click.option("--label", "labels", multiple=True, help="Only chunks with a label."),
        click.option(
            "--language", "languages", multiple=True, help="Only a language: zh, en, ja, mixed, ..."
        ),
        click.option(
            "--quality", "quality_levels", multiple=True, type=click.Choice(list(QUALITY_LEVELS))
        ),
        click.option(
            "--conversation", "conversations", multiple=True, help="Only a conversation, by id."
        ),
        click.option(
            "--kind",
            "kinds",
            multiple=True,
            type=click.Choice(CHUNK_KINDS),
            default=["text"],
            show_default=True,
            help="Talk, what tools printed, or a model's thinking.",
        ),
    ):
        wrapped = option(wrapped)
    result: Command = wrapped
    return result
