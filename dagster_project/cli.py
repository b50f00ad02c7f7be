"""The commands that make Dagster runs, beside those of `dreaming.cli`; and the command's entry
point.
"""

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click
from rich.text import Text

import dreaming.samples
from dreaming.bounds import MOST
from dreaming.cli import (
    DAY,
    DOLLARS,
    budget,
    cli,
    console,
    diagnostics,
    fail,
    import_exports,
    json_option,
    progress_bar,
    write_json,
)
from dreaming.errors import UsageError
from dreaming.settings import Settings

if TYPE_CHECKING:
    from dagster_project.running import RunOutcome
    from dreaming.home import Home
    from dreaming.model_call import Delivery
    from dreaming.pipeline.day import Engine, Rechunk
    from dreaming.pipeline.model_chunker import ModelReport
    from dreaming.planning.plan import PlannerName
    from dreaming.statistics import ChunkStatistics
    from dreaming.upgrading.terms import UpgradeTerms


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
    outcome, summary = _run(
        named, rechunk=rechunk, stage="initial", engine=engine, queue=queue, shards=shards
    )
    if as_json:
        write_json(summary)
    else:
        _print_summary(summary)
    _leave(outcome)


def _named_days(day: date | None, first: date | None, last: date | None) -> list[date] | None:
    from dreaming.days import day_range

    if day and (first or last):
        raise UsageError("Give --day, or --from and --to, not both.")
    if day:
        return [day]
    if bool(first) != bool(last):
        raise UsageError("--from and --to go together.")
    return day_range(first, last) if first and last else None


def _run(
    named: list[date] | None,
    *,
    rechunk: "Rechunk",
    stage: str,
    engine: "Engine" = "rules",
    queue: bool = False,
    shards: int | None = None,
) -> tuple["RunOutcome | None", dict[str, Any]]:
    from dagster_project.instance import open_instance
    from dagster_project.launches import Launch
    from dagster_project.owners import fail_orphaned_runs
    from dagster_project.running import execute, execute_in_processes
    from dagster_project.running import queue as queue_run
    from dreaming.buying.reading import count_published
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
            with open_instance(settings) as instance:
                outcome = None
                if days and shards:
                    launch = Launch.of_large_day(
                        days[0], shards=shards, rechunk=rechunk, engine=engine, stage=stage
                    )
                    outcome = (queue_run if queue else execute_in_processes)(home, instance, launch)
                    if not queue:
                        # Published by a process that told this one nothing.
                        on_published(days[0], count_published(home.store, days[0]))
                elif days:
                    launch = Launch.of_days(days, rechunk=rechunk, engine=engine, stage=stage)
                    outcome = (queue_run if queue else execute)(home, instance, launch)
                else:
                    # A run that was killed may have published all of its days before.
                    fail_orphaned_runs(instance, home.ledger.database)
    return outcome, _summary(days, statistics, outcome, reports[0] if reports else None)


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
    from dreaming.showing.reporting import model_summary

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


def _print_summary(summary: dict[str, Any]) -> None:
    from dreaming.showing.reporting import print_model_summary, quality_table

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


def _leave(outcome: "RunOutcome | None") -> None:
    if outcome and outcome.interrupted:
        sys.exit(130)
    if outcome and outcome.failed:
        sys.exit(1)


@cli.command()
@click.option(
    "--quality",
    "target_quality",
    type=click.Choice(["good", "premium"]),
    help="The level to upgrade to.",
)
@click.option(
    "--filter", help="Which chunks, e.g. \"labels CONTAINS 'billing'\"; see docs/upgrading.md."
)
@click.option("--from", "first_day", type=DAY, help="First day.")
@click.option("--to", "last_day", type=DAY, help="Last day.")
@click.option("--max-tokens", type=int, help="Tokens of input and output together.")
@click.option("--max-cost-usd", type=DOLLARS, help="Dollars.")
@click.option("--max-duration-seconds", type=float, help="Time.")
@click.option("--limit", type=int, help="Chunks, at most.")
@click.option(
    "--provider", type=click.Choice(["anthropic", "openai", "local"]), help="By default anthropic."
)
@click.option("--model", help="As you write its name; by default the level's own.")
@click.option(
    "--delivery",
    type=click.Choice(["now", "batch"]),
    help="How replies come: now, or batch: within a day, at half the price; `dreaming collect` "
    "takes them.",
)
@click.option("--include-undone", is_flag=True, help="Bring back for nothing what was undone.")
@click.option(
    "--retry-failed", is_flag=True, help="Ask again where an earlier reply could not be used."
)
@click.option(
    "--planner",
    type=click.Choice(["rules", "thinking"]),
    help="Who plans what is left open; see `dreaming plan`.",
)
@click.option(
    "--resume", metavar="REQUEST", help="Go on with a request, with what is left of its budget."
)
@click.option("--dry-run", is_flag=True, help="Say what it would take, and spend nothing.")
@click.option("--queue", is_flag=True, help="Leave the run to the daemon of `dreaming ui`.")
@json_option
def upgrade(
    resume: str | None,
    planner: str | None,
    *,
    dry_run: bool,
    queue: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Buy better chunks, within a budget that holds: basic -> good -> premium, over all days or a
    range.

    Exits 3 when a budget or the time stopped it: what was bought is published. --resume goes on
    with the terms that the request has and what is left of its budget, and takes what has come of
    its batches; --delivery may change how the rest comes. Once its time is over, a new upgrade goes
    on.
    """
    from dreaming.upgrading.terms import UpgradeTerms

    asked = _set(options)
    if resume is not None:
        delivery = asked.pop("delivery", None)
        if dry_run or planner or any(asked.values()):
            raise UsageError(
                "A request keeps its terms: give only --delivery, --queue or --json with --resume."
            )
        _leave_upgrade(
            *_upgrade(None, resume=resume, queue=queue, delivery=delivery), as_json=as_json
        )
        return
    if "target_quality" not in asked:
        raise UsageError("Say what to upgrade to: --quality good or --quality premium.")
    terms = UpgradeTerms(**asked)
    if dry_run:
        _show_estimate(terms, as_json=as_json)
    else:
        _leave_upgrade(*_upgrade(terms, resume=None, queue=queue, planner=planner), as_json=as_json)


def _upgrade(
    terms: "UpgradeTerms | None",
    *,
    resume: str | None,
    queue: bool,
    planner: str | None = None,
    delivery: "Delivery | None" = None,
) -> tuple["RunOutcome", dict[str, Any] | None]:
    """Make a run of a new upgrade, or of one that is gone on with."""
    from dagster_project.building import configured_providers
    from dagster_project.instance import open_instance
    from dagster_project.launches import Launch
    from dagster_project.running import execute
    from dagster_project.running import queue as queue_run
    from dreaming.buying.executor import DreamingExecutor
    from dreaming.home import open_home
    from dreaming.task import TaskPriority

    settings = Settings.from_environment()
    with open_home(settings) as home, open_instance(settings) as instance:
        if resume is not None:
            home.require_standing(resume)
            known = home.requests.get(resume).terms
            terms = replace(known, delivery=delivery or known.delivery)
        assert terms is not None
        executor = DreamingExecutor(home, configured_providers(settings), run_id="check")
        for warning in [] if planner else executor.offers.check(terms):
            diagnostics.print(warning, style="yellow", highlight=False)
        priority = TaskPriority.HIGH if terms.target_quality == "premium" else TaskPriority.LOW
        request_id = resume or uuid4().hex[:12]
        launch = Launch.of_upgrade(terms, request_id=request_id, priority=priority, planner=planner)
        outcome = (queue_run if queue else execute)(home, instance, launch)
        return outcome, home.requests.result(outcome.run_id)


def _leave_upgrade(outcome: "RunOutcome", result: dict[str, Any] | None, *, as_json: bool) -> None:
    from dreaming.showing.reporting import print_task_result

    if as_json:
        made = {
            "run_id": outcome.run_id,
            "status": outcome.status.value,
            "message": outcome.message,
        }
        write_json({"run": made, "result": result})
    elif result is not None:
        print_task_result(console, result)
    elif not outcome.failed:
        console.print(f"run {outcome.run_id}  {outcome.status.value}", highlight=False)
    if outcome.failed:
        fail(outcome.message, 1)
    _leave(outcome)
    if result and result["stopped"] in ("budget", "time"):
        sys.exit(3)


def _show_estimate(terms: "UpgradeTerms", *, as_json: bool) -> None:
    from dagster_project.building import configured_providers
    from dreaming.buying.executor import DreamingExecutor
    from dreaming.home import open_home
    from dreaming.showing.reporting import print_estimate

    settings = Settings.from_environment()
    with open_home(settings) as home:
        days = [day for day in home.store.days("upgraded_chunks") if terms.allows_day(day)]
        estimate = DreamingExecutor(
            home, configured_providers(settings), run_id="dry-run"
        ).offers.estimate(terms, days)
    if as_json:
        write_json(estimate)
    else:
        print_estimate(console, estimate)


@cli.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--list", "listed", is_flag=True, help="List the versions that were learned, the newest first."
)
@click.option(
    "--revert",
    is_flag=True,
    help="Take the newest version back: the one before it finds topics again.",
)
@json_option
def learn(files: tuple[Path, ...], listed: bool, revert: bool, as_json: bool) -> None:
    """Learn to find topics from the chunks that were bought, or from labelled FILES of your own.

    What is learned is used only where it is better on talks that were held out. Conversations are
    cut by it as they come; `dreaming run --from D --to D` cuts older days again. FILES are as
    `dreaming eval` reads them.
    """
    from dagster_project.instance import open_instance
    from dagster_project.launches import Launch
    from dagster_project.running import execute
    from dreaming.home import open_home
    from dreaming.learning.learner import learned_versions
    from dreaming.showing.reporting import print_learned, print_learned_versions

    if (listed + revert + bool(files)) > 1:
        raise UsageError("Give FILES, --list or --revert, not several of them.")
    settings = Settings.from_environment()
    with open_home(settings) as home:
        if revert:
            home.segmenters.revert(at=home.clock())
        if listed or revert:
            versions = learned_versions(home)
            write_json(versions) if as_json else print_learned_versions(console, versions)
            return
        with open_instance(settings) as instance:
            outcome = execute(home, instance, Launch.of_learning(files))
        if outcome.failed:
            fail(outcome.message, 1)
        _leave(outcome)
        learned = home.requests.result(outcome.run_id) or {}
    write_json(learned) if as_json else print_learned(console, learned)


@cli.command()
@click.option(
    "--quality",
    "target_quality",
    type=click.Choice(["good", "premium"]),
    default="good",
    show_default=True,
)
@click.option(
    "--filter", help="Which chunks, e.g. \"labels CONTAINS 'billing'\"; see docs/upgrading.md."
)
@click.option("--from", "first_day", type=DAY, help="First day.")
@click.option("--to", "last_day", type=DAY, help="Last day.")
@click.option(
    "--max-tokens", type=int, help="At most; by default today's share of the month's budget."
)
@click.option("--max-cost-usd", type=DOLLARS, help="Dollars, at most.")
@click.option("--max-duration-seconds", type=float, help="Time, at most.")
@click.option(
    "--provider",
    type=click.Choice(["anthropic", "openai"]),
    help="By default whichever gains most.",
)
@click.option(
    "--delivery", type=click.Choice(["now", "batch"]), help="By default whichever is better."
)
@click.option(
    "--planner", type=click.Choice(["rules", "thinking"]), default="rules", show_default=True
)
@json_option
def plan(planner: "PlannerName", *, as_json: bool, **options: Any) -> None:
    """Say what an upgrade now would best be: which chunks, model and budget, what it should gain,
    and why.

    The rules spend nothing. A thinking model is asked through the first provider that has a key,
    and costs what
    `dreaming ledger` says. `dreaming upgrade --planner` plans and then upgrades.
    """
    import asyncio

    from dagster_project.building import configured_providers
    from dreaming.home import open_home
    from dreaming.planning.planner import Planner
    from dreaming.showing.reporting import print_decision
    from dreaming.upgrading.terms import UpgradeTerms

    terms, settings = UpgradeTerms(**_set(options)), Settings.from_environment()
    paced = terms.max_tokens is None and terms.max_cost_usd is None
    with open_home(settings) as home:
        planning = Planner(home, configured_providers(settings))
        days = home.store.days("upgraded_chunks")
        decision = asyncio.run(planning.plan(terms, days, planner=planner, paced=paced)).as_json()
    if as_json:
        write_json(decision)
    else:
        print_decision(console, decision)


def _set(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@budget.command("read")
def read_budget() -> None:
    """Read from the vendors what the accounts have spent elsewhere; needs ANTHROPIC_ADMIN_KEY or
    OPENAI_ADMIN_KEY.
    """
    from dagster_project.building import configured_providers
    from dreaming.buying.quota import read_elsewhere
    from dreaming.home import open_home
    from dreaming.showing.reporting import budget_records, print_budgets

    settings = Settings.from_environment()
    providers = configured_providers(settings)
    if not any(provider.settings.admin_key for provider in providers.values()):
        raise UsageError("There is no admin key. Set ANTHROPIC_ADMIN_KEY or OPENAI_ADMIN_KEY.")
    with open_home(settings) as home:
        failures = read_elsewhere(home.ledger, providers, today=home.ledger.clock().date())
        print_budgets(console, budget_records(home))
    if failures:
        fail(" ".join(failures), 1)


@cli.command()
@click.option(
    "--cancel",
    "canceled",
    metavar="REQUEST",
    help="Call off what waits at the vendor for a request.",
)
@json_option
def collect(canceled: str | None, as_json: bool) -> None:
    """Take what has come of upgrades in batches: ask the vendors, and publish what they have
    answered.

    The daemon of `dreaming ui` does the same every minute. `dreaming status` says what waits, since
    when, and what it will cost.
    """
    from dagster_project.building import configured_providers
    from dagster_project.instance import open_instance
    from dagster_project.launches import Launch
    from dagster_project.running import execute
    from dreaming.buying.collecting import cancel_batches, find_due
    from dreaming.home import open_home
    from dreaming.showing.reporting import print_collected

    settings = Settings.from_environment()
    providers = configured_providers(settings)
    with open_home(settings) as home, open_instance(settings) as instance:
        failures = []
        if canceled is not None:
            home.requests.get(canceled)
            failures += cancel_batches(home, providers, canceled)
        due = find_due(home, providers)
        failures += due.failures
        collected, outcome = [], None
        for request_id in due.requests:
            outcome = execute(home, instance, Launch.of_collecting(home.requests.get(request_id)))
            collected.append(home.requests.result(outcome.run_id) or {"request_id": request_id})
            if outcome.interrupted:
                break
            if outcome.failed:
                failures.append(outcome.message)
        told = {"collected": collected, "pending": home.batches.pending(), "failures": failures}
    if as_json:
        write_json(told)
    else:
        print_collected(console, told)
    if outcome and outcome.interrupted:
        sys.exit(130)
    if failures:
        sys.exit(1)


@cli.command()
@click.argument("request")
@json_option
def undo(request: str, as_json: bool) -> None:
    """Take an upgrade back: what lies beneath it is current again. What it cost stays spent.

    What waits for it at the vendor is called off.
    """
    from dagster_project.building import configured_providers
    from dreaming.buying.collecting import cancel_batches
    from dreaming.home import open_home

    settings = Settings.from_environment()
    with open_home(settings) as home:
        days = home.undo(request)
        for failure in cancel_batches(home, configured_providers(settings), request):
            diagnostics.print(failure, style="yellow", highlight=False)
    if as_json:
        write_json({"request": request, "days": days})
    else:
        console.print(f"Undone; {len(days):,} days were published again.", highlight=False)


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
    outcome, _ = _run(inside, rechunk="changed", stage="forget")
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
    outcome, _ = _run(waiting, rechunk="changed", stage="local-only")
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


@cli.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def demo(paths: tuple[Path, ...]) -> None:
    """Import, run and search in one go: your own exports, or without any the sample conversations
    that come along.
    """
    all_read = import_exports(paths or dreaming.samples.FILES)
    outcome, summary = _run(None, rechunk="changed", stage="initial")
    _print_summary(summary)
    if not paths:
        for query in dreaming.samples.QUERIES:
            _show_search(query)
    console.print("\nNext: dreaming search WORDS, and dreaming ui for the runs, days and metadata.")
    _leave(outcome)
    if not all_read:
        sys.exit(1)


def _show_search(query: str) -> None:
    from dreaming.home import open_home
    from dreaming.showing.reporting import print_hits

    console.print(f"\n$ dreaming search {query!r} --limit 2", highlight=False)
    with open_home(Settings.from_environment()) as home:
        hits = home.memory.search(query, limit=2)
        print_hits(console, hits, [[] for _ in hits])


@cli.command()
@click.option(
    "--max-tokens",
    type=click.IntRange(0, MOST["max_tokens"]),
    default=50_000,
    show_default=True,
    envvar="DREAMING_MCP_MAX_TOKENS",
    help="What all upgrades that it starts may spend a UTC day.",
)
@click.option("--config", is_flag=True, help="Print the settings that MCP clients want, and end.")
@click.option(
    "--http",
    is_flag=True,
    help="Serve on 127.0.0.1 instead of standard input and output; needs a token.",
)
@click.option("--port", default=8765, show_default=True, help="With --http.")
@click.option(
    "--token",
    envvar="DREAMING_MCP_TOKEN",
    help="With --http: what clients must send. By default a new one.",
)
@click.option(
    "--show-secrets",
    is_flag=True,
    help="Show clients secrets and what is private too: for a local model.",
)
def mcp(
    max_tokens: int, port: int, token: str | None, *, config: bool, http: bool, show_secrets: bool
) -> None:
    """Serve memory to assistants over MCP: search, plan, upgrade. See docs/mcp.md for Claude
    Desktop and others.
    """
    import secrets

    from dagster_project.instance import prepare_dagster_home
    from dagster_project.mcp.server import build_server, serve_http
    from dreaming.home import open_home

    settings = Settings.from_environment()
    if config:
        # As it was started: a script beside the interpreter, wherever the client's own PATH leads.
        started = {"command": str(Path(sys.executable).with_name("dreaming")), "args": ["mcp"]}
        write_json(
            {"mcpServers": {"dreaming": {**started, "env": {"DREAMING_HOME": str(settings.home)}}}}
        )
        return
    prepare_dagster_home(settings)
    with open_home(settings):
        server = build_server(settings, max_tokens=max_tokens, shows_secrets=show_secrets)
    if not http:
        server.run("stdio")
        return
    if token is None:
        token = secrets.token_urlsafe(24)
        diagnostics.print(
            f"Clients send: Authorization: Bearer {token}", highlight=False, soft_wrap=True
        )
    diagnostics.print(f"MCP at http://127.0.0.1:{port}/mcp; Ctrl-C ends it.", highlight=False)
    serve_http(server, port=port, token=token)


@cli.command()
@click.option("--from-store", help="Where the partitions were (a path or URL), if not in the home.")
@json_option
def move(from_store: str | None, as_json: bool) -> None:
    """Move everything from the home's own files to DREAMING_DATABASE_URL and DREAMING_STORE.

    Set them first; end `dreaming ui` and all runs. May be interrupted and asked for again: nothing
    is lost, nothing comes twice. The old home then says where it went, and is not used any more.
    See docs/deploying.md.
    """
    from dataclasses import asdict

    from dagster_project.history import move_history
    from dreaming.moving import move_home

    settings = Settings.from_environment()
    with progress_bar() as progress:
        task = progress.add_task("Making days searchable", total=None)
        moved = move_home(
            settings,
            from_store=from_store,
            move_more=lambda: move_history(settings),
            on_day=lambda _day: progress.advance(task),
        )
    if as_json:
        write_json(asdict(moved))
    elif not moved.rows:
        console.print("All had been moved before; nothing was changed.")
    else:
        told = (
            f"{moved.rows:,} rows, {moved.files:,} partitions moved; {moved.days:,} days "
            "searchable there."
        )
        console.print(told, highlight=False)


@cli.command()
@click.option("--port", default=3000, show_default=True, help="Port on 127.0.0.1.")
def ui(port: int) -> None:
    """Open the Dagster UI with its daemon: runs, days, metadata, schedules. Ctrl-C ends both."""
    from dagster_project.instance import prepare_dagster_home
    from dagster_project.webserver import serve
    from dreaming.home import open_home

    settings = Settings.from_environment()
    folder = prepare_dagster_home(settings)
    with open_home(settings):
        console.print(
            f"The UI will be at http://127.0.0.1:{port}; Ctrl-C ends it.", highlight=False
        )
    sys.exit(serve(port, folder=folder))
