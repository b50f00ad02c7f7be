"""Commands whose runs write days: run, demo, forget, local-only."""

import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from dreaming.cli.group import cli, console, fail, progress_bar, write_json
from dreaming.cli.options import DAY, json_option
from dreaming.errors import UsageError
from dreaming.settings import Settings

if TYPE_CHECKING:
    from dagster_project.running import RunOutcome
    from dreaming.home import Home
    from dreaming.pipeline.day import Engine, Rechunk
    from dreaming.pipeline.model_chunker import ModelReport
    from dreaming.statistics import ChunkStatistics


@cli.command()
@click.option("--day", type=DAY, help="One day.")
@click.option("--from", "first", type=DAY, help="First day of a range.")
@click.option("--to", "last", type=DAY, help="Last day of a range.")
@click.option("--queue", is_flag=True, help="Leave the run to the daemon of `dreaming ui`.")
@click.option(
    "--engine",
    type=click.Choice(["rules", "local"]),
    default="rules",
    show_default=True,
    help="What cuts new chunks: the rules, or the local LLM with the rules beneath it.",
)
@click.option(
    "--shards",
    type=click.IntRange(1),
    help="Cut a huge day in so many parts at once, by processes of this machine.",
)
@json_option
def run(
    day: date | None,
    first: date | None,
    last: date | None,
    queue: bool,
    engine: "Engine",
    shards: int | None,
    as_json: bool,
) -> None:
    """Chunk, check and index days; without days, all that imports touched and no run has done.

    A Dagster run in this process, shown in the UI like any other. Days that are named are also
    chunked again where an older segmenter cut them.
    """
    named = _named_days(day, first, last)
    if shards and day is None:
        raise UsageError("--shards is for one day: give it with --day.")
    rechunk: Rechunk = "outdated" if named else "changed"
    outcome, summary = run_days(
        named, rechunk=rechunk, stage="initial", engine=engine, queue=queue, shards=shards
    )
    if as_json:
        write_json(summary)
    else:
        print_summary(summary)
    leave(outcome)


def _named_days(day: date | None, first: date | None, last: date | None) -> list[date] | None:
    from dreaming.days import day_range

    if day and (first or last):
        raise UsageError("Give --day, or --from and --to, not both.")
    if day:
        return [day]
    if bool(first) != bool(last):
        raise UsageError("--from and --to go together.")
    return day_range(first, last) if first and last else None


def run_days(
    named: list[date] | None,
    *,
    rechunk: "Rechunk",
    stage: str,
    engine: "Engine" = "rules",
    queue: bool = False,
    shards: int | None = None,
) -> tuple["RunOutcome | None", dict[str, Any]]:
    """Run days, by default all that wait.

    Returns how the run ended (None: there was nothing to do), and a summary as JSON.
    """
    from dreaming.buying.slices import count_published
    from dreaming.home import open_home
    from dreaming.statistics import ChunkStatistics

    settings, statistics = Settings.from_environment(), ChunkStatistics()
    with progress_bar() as progress:
        task = progress.add_task("Dreaming", total=None)

        def on_published(_day: date, published: ChunkStatistics) -> None:
            statistics.add(published)
            progress.advance(task)

        reports: list[ModelReport] = []
        with open_home(settings, on_published=on_published, on_model_report=reports.append) as home:
            days = _days_to_run(home, named)
            progress.update(task, total=len(days))
            # Where there is nothing to do, Dagster is not imported, which takes seconds.
            outcome = None
            if days or _has_owned_runs(home):
                outcome = _make_run(
                    home, days, shards, rechunk=rechunk, stage=stage, engine=engine, queue=queue
                )
            if days and shards and not queue:
                # Published by processes that told this one nothing.
                on_published(days[0], count_published(home.store, days[0]))
    return outcome, _summary(days, statistics, outcome, reports[0] if reports else None)


def _has_owned_runs(home: "Home") -> bool:
    """Whether a process has begun a run and not signed off, be it that it was killed."""
    import sqlalchemy as sa

    from dreaming.storage.tables import run_owners

    with home.ledger.database.read() as connection:
        return connection.execute(sa.select(run_owners.c.run_id).limit(1)).first() is not None


def _make_run(
    home: "Home",
    days: Sequence[date],
    shards: int | None,
    *,
    rechunk: "Rechunk",
    stage: str,
    engine: "Engine",
    queue: bool,
) -> "RunOutcome | None":
    """Run days; without any, end the runs whose process is gone, as every run does first."""
    from dagster_project.instance import open_instance
    from dagster_project.launches import Launch
    from dagster_project.owners import fail_orphaned_runs
    from dagster_project.running import execute, execute_in_processes
    from dagster_project.running import queue as queue_run

    with open_instance(home.settings) as instance:
        if not days:
            # A run that was killed may have published all of its days before.
            fail_orphaned_runs(instance, home.ledger.database)
            return None
        if shards:
            launch = Launch.of_large_day(
                days[0], shards=shards, rechunk=rechunk, engine=engine, stage=stage
            )
            return (queue_run if queue else execute_in_processes)(home, instance, launch)
        launch = Launch.of_days(days, rechunk=rechunk, engine=engine, stage=stage)
        return (queue_run if queue else execute)(home, instance, launch)


def _days_to_run(home: "Home", named: list[date] | None) -> list[date]:
    if named is not None:
        calendar, now = home.archive.calendar, home.clock()
        return [calendar.require(day, now=now) for day in named]
    home.pipeline.refresh()
    return home.pipeline.waiting_days()


def _summary(
    days: Sequence[date],
    statistics: "ChunkStatistics",
    outcome: "RunOutcome | None",
    report: "ModelReport | None",
) -> dict[str, Any]:
    from dreaming.showing.summaries import model_summary

    return {
        "days": len(days),
        "chunks": statistics.chunks,
        "tokens": statistics.tokens,
        "quality": dict(statistics.quality),
        "languages": dict(statistics.languages.most_common()),
        "models": dict(statistics.models.most_common()),
        "model_report": report and model_summary(report),
        "run": outcome
        and {"run_id": outcome.run_id, "status": outcome.status.value, "message": outcome.message},
    }


def print_summary(summary: dict[str, Any]) -> None:
    """Print what a run came to."""
    from dreaming.cli.printing import print_model_summary, quality_table

    if not summary["days"]:
        console.print("Nothing waits: every day that imports touched is searchable.")
        return
    languages = ", ".join(
        f"{language} {count:,}" for language, count in summary["languages"].items()
    )
    console.print(
        f"{summary['days']:,} days, {summary['chunks']:,} chunks: {languages}", highlight=False
    )
    console.print(quality_table(summary["quality"]))
    if summary["model_report"]:
        print_model_summary(console, summary["model_report"])
    made = summary["run"]
    line = f"run {made['run_id']}  {made['status']}  {made['message']}"
    console.print(
        Text(line.rstrip(), style="red" if made["status"] in ("FAILURE", "CANCELED") else "")
    )


def leave(outcome: "RunOutcome | None") -> None:
    """End with the exit code of a run that failed or was interrupted; else go on."""
    if outcome and outcome.interrupted:
        sys.exit(130)
    if outcome and outcome.failed:
        sys.exit(1)


@cli.command()
@click.argument("conversation")
@json_option
def forget(conversation: str, as_json: bool) -> None:
    """Delete everything about a conversation, for good: partitions, index, replies, queries.
    Spending stays counted.
    """
    from dreaming.conversation import ConversationId
    from dreaming.home import open_home

    settings = Settings.from_environment()
    with open_home(settings) as home:
        days = home.forget(ConversationId(conversation))
        calendar, today = home.archive.calendar, home.archive.calendar.day_of(home.clock())
        inside = sorted(day for day in days if calendar.start <= day <= today)
        for day in days.difference(inside):
            # No Dagster partition, but a file that holds the text.
            home.pipeline.run_day(day, rechunk="changed")
    outcome, _ = run_days(inside, rechunk="changed", stage="forget")
    if outcome and (outcome.failed or outcome.interrupted):
        fail(
            f"Some days still hold the text: {outcome.message} Mend them, and forget "
            f"{conversation!r} again.",
            1,
        )
    with open_home(settings) as home:
        home.erase_deleted()
    if as_json:
        write_json({"conversation": conversation, "days": sorted(days)})
    else:
        console.print(f"Forgotten; {len(days):,} days were written again.", highlight=False)


@cli.command("local-only")
@click.argument("conversation")
@click.option(
    "--off", is_flag=True, help="Let it leave again, whatever its export or its source says."
)
@json_option
def local_only(conversation: str, off: bool, as_json: bool) -> None:
    """Keep a conversation on this machine: no cloud provider and no assistant is shown it. What was
    bought stays.
    """
    from dreaming.conversation import ConversationId
    from dreaming.home import open_home

    with open_home(Settings.from_environment()) as home:
        days = home.mark_local_only(ConversationId(conversation), local_only=not off)
        waiting = sorted(days.intersection(home.pipeline.waiting_days()))
    outcome, _ = run_days(waiting, rechunk="changed", stage="local-only")
    if outcome and (outcome.failed or outcome.interrupted):
        fail(
            f"It is marked, but some of its days are not written again: {outcome.message} Next: "
            "dreaming run",
            1,
        )
    if as_json:
        write_json({"conversation": conversation, "local_only": not off, "days": sorted(days)})
    else:
        console.print(
            f"{conversation} {'may leave this machine' if off else 'stays on this machine'}.",
            highlight=False,
        )
