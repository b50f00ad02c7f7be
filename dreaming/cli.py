"""The `dreaming` command: what works on what is kept. `dagster_project.cli` adds what makes runs.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 stopped by budget or time, 130 interrupted.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dreaming.bounds import MOST
from dreaming.chunk import CHUNK_KINDS, QUALITY_LEVELS, chunk_record
from dreaming.errors import DreamingError, UsageError
from dreaming.money import cost_picodollars, limit_picodollars
from dreaming.remembering.filters import ChunkFilter
from dreaming.settings import Settings, parse_day

if TYPE_CHECKING:
    from dreaming.chunk import QualityLevel
    from dreaming.chunking.segmenter import Segmenter
    from dreaming.measuring.evaluation import Unseen
    from dreaming.spending.budgets import Window
    from dreaming.spending.ledger import SpendingKey

console = Console()
diagnostics = Console(stderr=True)

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
            dollars = Decimal(str(value))
            is_meant = 0 <= dollars <= MOST["max_cost_usd"]
        except InvalidOperation:
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


class Commands(click.Group):
    """The command's group: errors of dreaming become a message
    and an exit code, not a traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
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


def jsonable(value: object) -> object:
    """What JSON has for a value that it has no type for: ISO for moments, text for all else."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


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


@cli.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--again", is_flag=True, help="Take the conversations in these files back that were forgotten."
)
@click.option(
    "--local-only", is_flag=True, help="Keep these conversations on this machine, for good."
)
@json_option
def import_(paths: tuple[Path, ...], again: bool, local_only: bool, as_json: bool) -> None:
    """Import exports: files, folders or zips of ChatGPT, Claude, Claude Code, Codex, Open WebUI and
    others.

    The same or a grown export adds only what is new. Then `dreaming run` chunks the days that it
    touched.
    """
    if not import_exports(paths, again=again, local_only=local_only, as_json=as_json):
        sys.exit(1)


def import_exports(
    paths: Sequence[Path], *, again: bool = False, local_only: bool = False, as_json: bool = False
) -> bool:
    """Import exports and say what became of them; returns whether every file could be read."""
    from dreaming.home import open_home
    from dreaming.importing import ImportReport, read_exports
    from dreaming.showing.reporting import import_summary, print_import

    with open_home(Settings.from_environment()) as home, progress_bar() as progress:
        report = ImportReport()
        offered = progress.track(read_exports(paths, report), description="Importing conversations")
        stored = home.archive.add(offered, again=again, local_only=local_only)
    if as_json:
        write_json(import_summary(report, stored))
    else:
        print_import(console, report, stored)
    return not report.errors


def filter_options(command: Command) -> Command:
    """Add the options that say which chunks a command is about, given to it as `wanted`; of talk
    only by default.
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


@cli.command()
@click.argument("query")
@filter_options
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    help="How many hits.  [default: 10, or as many as fit --budget-words]",
)
@click.option(
    "--budget-words",
    type=click.IntRange(20),
    help="Show what fits so many words, dated and named, to be read by a person or a model.",
)
@click.option(
    "--around",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    help="Show so many chunks before and after each hit.",
)
@json_option
def search(
    query: str,
    wanted: ChunkFilter,
    limit: int | None,
    budget_words: int | None,
    around: int,
    as_json: bool,
) -> None:
    """Find what was said: words of any language, two-character
    Chinese and Japanese words included.
    """
    from dreaming.home import open_home
    from dreaming.showing.reporting import print_hits, print_readings

    with open_home(Settings.from_environment()) as home:
        hits = home.memory.search(query, wanted, limit=limit, budget_words=budget_words)
        if waiting := len(home.pipeline.waiting_days()):
            diagnostics.print(
                f"{waiting:,} days are not searchable yet. Next: dreaming run", style="yellow"
            )
        context = [home.memory.around(hit, chunks=around) if around else [] for hit in hits]
        if as_json:
            write_json(
                [
                    hit.as_json(reading=budget_words is not None)
                    | ({"around": [chunk_record(chunk) for chunk in chunks]} if around else {})
                    for hit, chunks in zip(hits, context, strict=True)
                ]
            )
        elif budget_words is not None and not around:
            print_readings(console, hits)
        else:
            print_hits(console, hits, context)


@cli.command()
@click.argument("target", type=click.Path(path_type=Path))
@filter_options
def export(target: Path, wanted: ChunkFilter) -> None:
    """Write the current chunks to a file: .parquet, .jsonl or .csv, by its ending."""
    from dreaming.home import open_home
    from dreaming.showing.exporting import export_chunks

    with open_home(Settings.from_environment()) as home:
        count = export_chunks(home.store, wanted.expression(), target)
    console.print(f"{count:,} chunks written to {target}", highlight=False)


@cli.command()
@json_option
def status(as_json: bool) -> None:
    """What is held, what is searchable, and which days wait for a run."""
    from dreaming.home import open_home
    from dreaming.showing.reporting import home_status, print_status

    with open_home(Settings.from_environment()) as home:
        found = home_status(home)
    if as_json:
        write_json(found)
    else:
        print_status(console, found)


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=3010,
    show_default=True,
    help="On 127.0.0.1; 0 takes a free one.",
)
def page(port: int) -> None:
    """Look at your memory in a browser: search, conversations beside their chunks, days. Ctrl-C
    ends it.
    """
    from dreaming.home import open_home
    from dreaming.page.serving import address_of, listen, serve

    settings = Settings.from_environment()
    with open_home(settings):
        listening = listen(port)
    console.print(f"Your memory is at {address_of(listening)}; Ctrl-C ends it.", highlight=False)
    serve(settings, listening)


@cli.command()
@shipped_option
def segment(shipped: bool) -> None:
    """Find topic boundaries: {"id","turns":[{"speaker","text"}]} lines in,
    {"id","boundaries":[i,...]} lines out.

    i means that a new topic starts at turn i, counted from 0.
    """
    from dreaming.chunking.segment import segment_turns

    segmenter = _segmenter(shipped=shipped)
    for number, line in enumerate(sys.stdin, 1):
        if line.strip():
            dialogue = _dialogue(line, number)
            turns = [(turn["speaker"], turn["text"]) for turn in dialogue["turns"]]
            write_json({"id": dialogue["id"], "boundaries": segment_turns(turns, segmenter)})


@cli.command("eval")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--unseen",
    type=click.Choice(["sets", "talks"]),
    help="Fit a segmenter without the set, or without the fourth of all talks, that is measured.",
)
@shipped_option
@json_option
def evaluate(
    paths: tuple[Path, ...], unseen: "Unseen | None", shipped: bool, as_json: bool
) -> None:
    """Measure topic boundaries on labelled talks:
    {"id","turns":[{"speaker","text"}],"boundaries":[i,...]} lines.

    Beside what needs no learning. Without --unseen it is the segmenter in use, which has seen the
    sets that it was fitted on.
    """
    from dreaming.measuring.evaluation import evaluate_files
    from dreaming.showing.reporting import print_evaluation

    found = evaluate_files(paths, unseen=unseen, segmenter=_segmenter(shipped=shipped))
    if as_json:
        write_json(found)
    else:
        print_evaluation(console, found)


@cli.command()
@click.option("--from", "first", type=DAY, help="First day; without it, all that were published.")
@click.option("--to", "last", type=DAY, help="Last day.")
@json_option
def accuracy(first: date | None, last: date | None, as_json: bool) -> None:
    """Measure how near basic chunks come to good and premium ones, and good to premium, where both
    have the talk.
    """
    from dreaming.home import open_home
    from dreaming.measuring.evaluation import evaluate_tiers
    from dreaming.showing.reporting import print_tiers

    with open_home(Settings.from_environment()) as home:
        rows = evaluate_tiers(home, first=first, last=last)
    if as_json:
        write_json(rows)
    else:
        print_tiers(console, rows)


def _segmenter(*, shipped: bool) -> "Segmenter":
    """The segmenter in use here; that which comes with dreaming where it is asked for, or where
    there is no home.
    """
    from dreaming.home import open_home, segmenter_of

    settings = Settings.from_environment()
    if shipped or not (settings.home.is_dir() or settings.database_url):
        return segmenter_of(settings)
    with open_home(settings) as home:
        return home.segmenters.current()


def _dialogue(line: str, number: int) -> dict[str, Any]:
    expected = '{"id": ..., "turns": [{"speaker": ..., "text": ...}, ...]}'
    try:
        dialogue = json.loads(line)
        valid = "id" in dialogue and all(
            isinstance(turn[key], str) for turn in dialogue["turns"] for key in ("speaker", "text")
        )
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise UsageError(f"Line {number} is no dialogue; expected {expected}.")
    result: dict[str, Any] = dialogue
    return result


@cli.command()
@click.argument("zone")
def timezone(zone: str) -> None:
    """Move all days to another time zone; then `dreaming run` writes the days that change."""
    from dreaming.home import open_home

    # Opened as it is pinned: the environment may already ask for the new zone.
    with open_home(replace(Settings.from_environment(), time_zone=None)) as home:
        touched = home.archive.move_time_zone(zone)
    console.print(
        f"Days are cut in {zone} now; {len(touched):,} days have news. Next: dreaming run",
        highlight=False,
    )


@cli.group()
def budget() -> None:
    """What may be spent by the month and by the day, for each provider and tier."""


_provider_option = click.option(
    "--provider", type=click.Choice(["anthropic", "openai"]), default="anthropic"
)
_tier_option = click.option(
    "--tier",
    type=click.Choice(["good", "premium"]),
    default="good",
    help="good: leftover quota; premium: its own.",
)
_window_option = click.option(
    "--per", "window", type=click.Choice(["month", "day"]), default="month", show_default=True
)
_TOKENS = click.IntRange(0, MOST["max_tokens"])
_tokens_option = click.option(
    "--max-tokens", type=_TOKENS, help="Tokens; without it, no limit in tokens."
)
_cost_option = click.option(
    "--max-cost-usd", type=DOLLARS, help="Dollars; without it, no limit in dollars."
)


@budget.command("set")
@_provider_option
@_tier_option
@_window_option
@_tokens_option
@_cost_option
def set_budget(
    provider: str,
    tier: "QualityLevel",
    window: "Window",
    max_tokens: int | None,
    max_cost_usd: Decimal | None,
) -> None:
    """Set a standing budget, in tokens, dollars or both; it holds
    at once. In UTC months and days.
    """
    from dreaming.home import open_home
    from dreaming.spending.budgets import Limit

    if max_tokens is None and max_cost_usd is None:
        raise UsageError("Give --max-tokens, --max-cost-usd or both; 0 allows nothing.")
    with open_home(Settings.from_environment()) as home:
        picodollars = None if max_cost_usd is None else limit_picodollars(max_cost_usd)
        home.ledger.set_limit(provider, tier, window, Limit(max_tokens, picodollars))
    _show_budgets(as_json=False)


@budget.command("elsewhere")
@_provider_option
@_tier_option
@_window_option
@click.option("--tokens", type=_TOKENS, help="Tokens, in all.")
@click.option("--cost-usd", type=DOLLARS, help="Dollars, in all.")
def declare_elsewhere(
    provider: str,
    tier: "QualityLevel",
    window: "Window",
    tokens: int | None,
    cost_usd: Decimal | None,
) -> None:
    """Say what the same key has spent elsewhere in the current month or day: it counts against the
    budget.
    """
    from dreaming.home import open_home
    from dreaming.spending.budgets import window_scope

    if tokens is None and cost_usd is None:
        raise UsageError("Give --tokens, --cost-usd or both, as the vendor's bill has them.")
    with open_home(Settings.from_environment()) as home:
        scope_id = window_scope(provider, tier, window, home.ledger.clock())
        home.ledger.declare_elsewhere(
            scope_id,
            tokens=tokens,
            picodollars=None if cost_usd is None else cost_picodollars(cost_usd),
        )
    _show_budgets(as_json=False)


@budget.command("show")
@json_option
def show_budget(as_json: bool) -> None:
    """What the standing budgets allow, and what is left of them."""
    _show_budgets(as_json=as_json)


def _show_budgets(*, as_json: bool) -> None:
    from dreaming.home import open_home
    from dreaming.showing.reporting import budget_records, print_budgets

    with open_home(Settings.from_environment()) as home:
        records = budget_records(home)
    if as_json:
        write_json(records)
    else:
        print_budgets(console, records)


@cli.group(invoke_without_command=True)
@click.option(
    "--by", type=click.Choice(["request", "model", "day"]), default="request", show_default=True
)
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many lines."
)
@json_option
@click.pass_context
def ledger(context: click.Context, by: "SpendingKey", limit: int, as_json: bool) -> None:
    """What was spent on what, the newest first, and which calls may have been charged."""
    if context.invoked_subcommand is not None:
        return
    from dreaming.home import open_home
    from dreaming.showing.reporting import print_spending

    with open_home(Settings.from_environment()) as home:
        records = {"by": by, "spending": home.ledger.spending(by, limit=limit)}
        records["unknown_calls"] = home.ledger.unknown_calls()
    if as_json:
        write_json(records)
    else:
        print_spending(console, records)


@ledger.command()
@click.argument("call")
@click.argument("outcome", type=click.Choice(["charged", "not-charged"]))
def resolve(call: str, outcome: str) -> None:
    """Say of an unknown call whether the vendor charged it, by the vendor's own bill."""
    from dreaming.home import open_home

    with open_home(Settings.from_environment()) as home:
        home.ledger.resolve(call, charged=outcome == "charged")
    console.print(f"The call {call} is {outcome} now.", highlight=False)
