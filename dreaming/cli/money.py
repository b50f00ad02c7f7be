"""Commands on money: budget, ledger."""

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from dreaming.bounds import MOST
from dreaming.cli.group import cli, console, fail, write_json
from dreaming.cli.options import DOLLARS, json_option
from dreaming.errors import UsageError
from dreaming.money import cost_picodollars, limit_picodollars
from dreaming.settings import Settings

if TYPE_CHECKING:
    from dreaming.chunk import QualityLevel
    from dreaming.spending.budgets import Window
    from dreaming.spending.ledger import SpendingKey


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


@budget.command("read")
def read_budget() -> None:
    """Read from the vendors what the accounts have spent elsewhere; needs ANTHROPIC_ADMIN_KEY or
    OPENAI_ADMIN_KEY.
    """
    from dreaming.buying.quota import read_elsewhere
    from dreaming.cli.printing import print_budgets
    from dreaming.home import open_home
    from dreaming.providers.configured import configured_providers
    from dreaming.showing.summaries import budget_records

    settings = Settings.from_environment()
    providers = configured_providers(settings)
    if not any(provider.settings.admin_key for provider in providers.values()):
        raise UsageError("There is no admin key. Set ANTHROPIC_ADMIN_KEY or OPENAI_ADMIN_KEY.")
    with open_home(settings) as home:
        failures = read_elsewhere(home.ledger, providers, today=home.ledger.clock().date())
        print_budgets(console, budget_records(home.ledger))
    if failures:
        fail(" ".join(failures), 1)


@budget.command("show")
@json_option
def show_budget(as_json: bool) -> None:
    """What the standing budgets allow, and what is left of them."""
    _show_budgets(as_json=as_json)


def _show_budgets(*, as_json: bool) -> None:
    from dreaming.cli.printing import print_budgets
    from dreaming.home import open_home
    from dreaming.showing.summaries import budget_records

    with open_home(Settings.from_environment()) as home:
        records = budget_records(home.ledger)
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
    from dreaming.cli.printing import print_spending
    from dreaming.home import open_home

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
