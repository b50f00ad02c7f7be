"""How much of a provider's quota is left over, for the nightly upgrade."""

from dataclasses import dataclass

from dreaming.chunk import QualityLevel
from dreaming.spending.ledger import Ledger

LEAST_QUOTA_TOKENS = 10_000
"""The nightly upgrade runs when more than so many tokens are left."""
UNLIMITED_TOKENS = 10**9
"""What one night takes at most from a budget that is limited in dollars alone."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be spent now, and why nothing may."""

    tokens: int
    reason: str | None = None
    """For people; None where there is enough."""


def check_api_quota(ledger: Ledger, provider: str, *, has_key: bool, tier: QualityLevel = "good") -> Quota:
    """The tokens that are left over of a provider's standing budgets: from the ledger, less what is spent elsewhere."""
    how = f"dreaming budget set --provider {provider} --tier {tier} --max-tokens 50000"
    if not has_key:
        return Quota(0, f"There is no key for {provider}. Nothing is spent, and nothing upgraded.")
    balances = [balance for balance in ledger.window_balances(provider, tier).values() if balance.limit]
    if not balances:
        return Quota(0, f"There is a key for {provider} and no budget for {tier} chunks. To allow upgrades: {how}")
    if closed := next((balance.closed for balance in balances if balance.closed), None):
        return Quota(0, f"A budget of {provider} is closed. {closed} To open it again: {how}")
    rooms = [balance.room for balance in balances]
    if any(room.picodollars == 0 for room in rooms):
        return Quota(0, f"The dollars of {provider}'s budget for {tier} chunks are spent.")
    tokens = min((room.tokens for room in rooms if room.tokens is not None), default=UNLIMITED_TOKENS)
    if tokens <= LEAST_QUOTA_TOKENS:
        return Quota(
            tokens, f"{tokens:,} tokens of {provider} are left, and more than {LEAST_QUOTA_TOKENS:,} are needed."
        )
    return Quota(tokens)
