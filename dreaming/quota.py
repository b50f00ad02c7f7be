"""How much quota is left over for the nightly upgrade: from the ledger, less what is spent elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from dreaming.chunk import QualityLevel
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.ledger import Ledger

LEAST_QUOTA_TOKENS = 10_000
"""The nightly upgrade runs when more than so many tokens are left."""
UNLIMITED_TOKENS = 10**9
"""What one night takes at most from a budget that is limited in dollars alone."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be spent now, with whom; or why nothing may."""

    provider: str | None
    tokens: int
    reason: str = ""
    """For people; empty where there is enough."""


def check_api_quota(
    ledger: Ledger, providers: Mapping[str, ConfiguredProvider], *, tier: QualityLevel = "good"
) -> Quota:
    """The tokens that are left over of standing budgets, with the first provider that has more than 10,000."""
    usable = [name for name, provider in providers.items() if provider.can_be_paid]
    if not usable:
        return Quota(None, 0, "There is no key for anthropic or openai. Nothing is spent, and nothing upgraded.")
    found = [_left_over(ledger, name, tier) for name in usable]
    enough = next((quota for quota in found if quota.provider), None)
    return enough or Quota(None, max(quota.tokens for quota in found), " ".join(quota.reason for quota in found))


def _left_over(ledger: Ledger, provider: str, tier: QualityLevel) -> Quota:
    how = f"dreaming budget set --provider {provider} --tier {tier} --max-tokens 50000"
    balances = [balance for balance in ledger.window_balances(provider, tier).values() if balance.limit]
    if not balances:
        return Quota(
            None, 0, f"There is a key for {provider} and no budget for {tier} chunks. To allow upgrades: {how}"
        )
    if closed := next((balance.closed for balance in balances if balance.closed), None):
        return Quota(None, 0, f"A budget of {provider} is closed. {closed} To open it again: {how}")
    rooms = [balance.room for balance in balances]
    if any(room.picodollars == 0 for room in rooms):
        return Quota(None, 0, f"The dollars of {provider}'s budget for {tier} chunks are spent.")
    tokens = min((room.tokens for room in rooms if room.tokens is not None), default=UNLIMITED_TOKENS)
    if tokens <= LEAST_QUOTA_TOKENS:
        told = f"{tokens:,} tokens of {provider} are left, and more than {LEAST_QUOTA_TOKENS:,} are needed."
        return Quota(None, tokens, told)
    return Quota(provider, tokens)
