"""Commands on upgrades that make no run: plan, undo; and the estimate of `upgrade --dry-run`."""

from typing import TYPE_CHECKING, Any

import click

from dreaming.cli.group import cli, console, diagnostics, write_json
from dreaming.cli.options import DAY, DOLLARS, json_option
from dreaming.settings import Settings

if TYPE_CHECKING:
    from dreaming.planning.plan import PlannerName
    from dreaming.upgrading.terms import UpgradeTerms


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

    from dreaming.cli.printing import print_decision
    from dreaming.home import open_home
    from dreaming.planning.planner import Planner
    from dreaming.providers.configured import configured_providers
    from dreaming.upgrading.terms import UpgradeTerms

    terms, settings = UpgradeTerms(**set_options(options)), Settings.from_environment()
    paced = terms.max_tokens is None and terms.max_cost_usd is None
    with open_home(settings) as home:
        planning = Planner(home, configured_providers(settings))
        days = home.store.days("upgraded_chunks")
        decision = asyncio.run(planning.plan(terms, days, planner=planner, paced=paced)).as_json()
    if as_json:
        write_json(decision)
    else:
        print_decision(console, decision)


@cli.command()
@click.argument("request")
@json_option
def undo(request: str, as_json: bool) -> None:
    """Take an upgrade back: what lies beneath it is current again. What it cost stays spent.

    What waits for it at the vendor is called off.
    """
    from dreaming.buying.collecting import cancel_batches
    from dreaming.home import open_home
    from dreaming.providers.configured import configured_providers

    settings = Settings.from_environment()
    with open_home(settings) as home:
        days = home.undo(request)
        for failure in cancel_batches(home, configured_providers(settings), request):
            diagnostics.print(failure, style="yellow", highlight=False)
    if as_json:
        write_json({"request": request, "days": days})
    else:
        console.print(f"Undone; {len(days):,} days were published again.", highlight=False)


def show_estimate(terms: "UpgradeTerms", *, as_json: bool) -> None:
    """Print what an upgrade would take, over all published days that its terms allow."""
    from dreaming.buying.offers import Offers
    from dreaming.cli.printing import print_estimate
    from dreaming.home import open_home
    from dreaming.providers.configured import configured_providers

    settings = Settings.from_environment()
    with open_home(settings) as home:
        days = [day for day in home.store.days("upgraded_chunks") if terms.allows_day(day)]
        estimate = Offers(home, configured_providers(settings)).estimate(terms, days)
    if as_json:
        write_json(estimate)
    else:
        print_estimate(console, estimate)


def set_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}
