"""The quota that is left for the nightly upgrade: by the ledger, less what is spent elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from dreaming.chunk import QualityLevel
from dreaming.errors import ConfigurationError, SourceError
from dreaming.model_call import Delivery, TokenUsage
from dreaming.money import Amount
from dreaming.providers.models import resolve_model
from dreaming.providers.registry import ConfiguredProvider
from dreaming.providers.usage_report import read_usage
from dreaming.spending.budgets import window_scope, window_starts
from dreaming.spending.ledger import Ledger
from dreaming.spending.prices import price_of

LEAST_QUOTA_TOKENS = 10_000
"""The nightly upgrade runs when more than this is left: the threshold of the design."""
UNLIMITED_TOKENS = 10**9
"""The tokens of one night, at most, from a budget that is limited in dollars alone."""
# The dollars end the night long before; a request needs a number.


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be spent now and with which provider, or why nothing may."""

    provider: str | None
    tokens: int
    reason: str = ""
    """For people; empty where there is enough."""


def check_api_quota(
    ledger: Ledger, providers: Mapping[str, ConfiguredProvider], *, tier: QualityLevel = "good"
) -> Quota:
    """What is left of the standing budgets of the first provider with more than 10,000 tokens."""
    usable = [name for name, provider in providers.items() if provider.can_be_paid]
    if not usable:
        return Quota(
            None,
            0,
            "There is no key for anthropic or openai. Nothing is spent, and nothing upgraded.",
        )
    quotas = [_left_over(ledger, name, tier) for name in usable]
    for quota in quotas:
        if quota.provider:
            return quota
    most = max(quota.tokens for quota in quotas)
    return Quota(None, most, " ".join(quota.reason for quota in quotas))


def read_elsewhere(
    ledger: Ledger, providers: Mapping[str, ConfiguredProvider], *, today: date
) -> list[str]:
    """Read what accounts have used, and count what is not ours against the budgets.

    Where there is an admin key. What a person declared stays where it is more. Returns why a report
    could not be read.
    """
    failures = []
    for provider in providers.values():
        if provider.settings.admin_key:
            try:
                _count_elsewhere(ledger, provider, today=today)
            except SourceError as error:
                failures.append(str(error))
    return failures


def _count_elsewhere(ledger: Ledger, provider: ConfiguredProvider, *, today: date) -> None:
    for window, since in window_starts(ledger.clock()).items():
        totals: dict[QualityLevel, Amount] = {}
        report = read_usage(provider.name, provider.settings, since=since)
        for (model, delivery), usage in report.items():
            amount = _amount(provider, model, usage, at=ledger.clock(), delivery=delivery)
            for tier in _tiers(provider, model, today):
                totals[tier] = totals.get(tier, Amount()) + amount
        for tier, total in totals.items():
            balance = ledger.balance(window_scope(provider.name, tier, window, ledger.clock()))
            # Calls under way, those of a batch for a day, may be in the report already: only what
            # is beyond them is surely not ours.
            others = total - balance.spent - balance.reserved
            ledger.declare_elsewhere(
                balance.scope_id,
                tokens=max(others.tokens, balance.elsewhere.tokens),
                picodollars=max(others.picodollars, balance.elsewhere.picodollars),
            )


def _tiers(provider: ConfiguredProvider, model: str, today: date) -> tuple[QualityLevel, ...]:
    """The tiers whose budgets a model counts against; of an unknown model, all."""
    try:
        return (resolve_model(provider.name, model, today=today).quality_level,)
    except ConfigurationError:
        return ("good", "premium")


def _amount(
    provider: ConfiguredProvider, model: str, usage: TokenUsage, *, at: datetime, delivery: Delivery
) -> Amount:
    try:
        price = price_of(provider.name, model, at=at, own=provider.settings.price)
        cost = price.cost(usage, at=at, delivery=delivery)
    except ConfigurationError:
        # A model of somebody else's, without a price: its tokens count.
        cost = 0
    return Amount(usage.total_tokens, cost)


def _left_over(ledger: Ledger, provider: str, tier: QualityLevel) -> Quota:
    how = f"dreaming budget set --provider {provider} --tier {tier} --max-tokens 50000"
    windows = ledger.window_balances(provider, tier).values()
    balances = [balance for balance in windows if balance.limit]
    if not balances:
        return Quota(
            None,
            0,
            f"There is a key for {provider} and no budget for {tier} chunks. To allow upgrades: "
            f"{how}",
        )
    for balance in balances:
        if balance.closed:
            reason = f"A budget of {provider} is closed. {balance.closed} To open it again: {how}"
            return Quota(None, 0, reason)
    rooms = [balance.room for balance in balances]
    if any(room.picodollars == 0 for room in rooms):
        return Quota(None, 0, f"The dollars of {provider}'s budget for {tier} chunks are spent.")
    limited = [room.tokens for room in rooms if room.tokens is not None]
    tokens = min(limited, default=UNLIMITED_TOKENS)
    if tokens <= LEAST_QUOTA_TOKENS:
        reason = (
            f"{tokens:,} tokens of {provider} are left, and more than {LEAST_QUOTA_TOKENS:,} are "
            "needed."
        )
        return Quota(None, tokens, reason)
    return Quota(provider, tokens)
