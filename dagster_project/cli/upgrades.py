"""Commands whose runs buy or learn: upgrade, collect, learn."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from dagster_project.cli.days import leave
from dreaming.cli.group import cli, console, diagnostics, fail, write_json
from dreaming.cli.options import DAY, DOLLARS, json_option
from dreaming.cli.upgrades import set_options, show_estimate
from dreaming.errors import UsageError
from dreaming.settings import Settings

if TYPE_CHECKING:
    from dagster_project.running import RunOutcome
    from dreaming.model_call import Delivery
    from dreaming.upgrading.terms import UpgradeTerms


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
    "--provider",
    "providers",
    multiple=True,
    type=click.Choice(["anthropic", "openai", "local"]),
    help="By default anthropic. Given several times, the next is asked where one gives nothing.",
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
    providers: tuple[str, ...],
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

    asked = set_options(options)
    if providers:
        asked |= {"provider": providers[0]} if len(providers) == 1 else {"providers": providers}
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
        show_estimate(terms, as_json=as_json)
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
    from dagster_project.instance import open_instance
    from dagster_project.launches import Launch
    from dagster_project.running import execute
    from dagster_project.running import queue as queue_run
    from dreaming.buying.offers import Offers
    from dreaming.home import open_home
    from dreaming.providers.configured import configured_providers
    from dreaming.task import TaskPriority

    settings = Settings.from_environment()
    with open_home(settings) as home, open_instance(settings) as instance:
        if resume is not None:
            home.require_standing(resume)
            known = home.requests.get(resume).terms
            terms = replace(known, delivery=delivery or known.delivery)
        assert terms is not None
        # What a planner is to fill in cannot be checked before it has planned.
        offers = Offers(home, configured_providers(settings))
        for warning in [] if planner else offers.check(terms):
            diagnostics.print(warning, style="yellow", highlight=False)
        priority = TaskPriority.HIGH if terms.target_quality == "premium" else TaskPriority.LOW
        request_id = resume or uuid4().hex[:12]
        launch = Launch.of_upgrade(terms, request_id=request_id, priority=priority, planner=planner)
        outcome = (queue_run if queue else execute)(home, instance, launch)
        return outcome, home.requests.result(outcome.run_id)


def _leave_upgrade(outcome: "RunOutcome", result: dict[str, Any] | None, *, as_json: bool) -> None:
    from dreaming.cli.printing import print_task_result

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
    leave(outcome)
    if result and result["stopped"] in ("budget", "time"):
        sys.exit(3)


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
    from dagster_project.instance import open_instance
    from dagster_project.launches import Launch
    from dagster_project.running import execute
    from dreaming.buying.collecting import cancel_batches, find_due
    from dreaming.cli.printing import print_collected
    from dreaming.home import open_home
    from dreaming.providers.configured import configured_providers

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
    from dreaming.cli.printing import print_learned, print_learned_versions
    from dreaming.home import open_home
    from dreaming.learning.learner import learned_versions

    if (listed + revert + bool(files)) > 1:
        raise UsageError("Give FILES, --list or --revert, not several of them.")
    settings = Settings.from_environment()
    with open_home(settings) as home:
        if revert:
            home.segmenters.revert(at=home.clock())
        if listed or revert:
            versions = learned_versions(home.segmenters)
            write_json(versions) if as_json else print_learned_versions(console, versions)
            return
        with open_instance(settings) as instance:
            outcome = execute(home, instance, Launch.of_learning(files))
        if outcome.failed:
            fail(outcome.message, 1)
        leave(outcome)
        learned = home.requests.result(outcome.run_id) or {}
    write_json(learned) if as_json else print_learned(console, learned)
