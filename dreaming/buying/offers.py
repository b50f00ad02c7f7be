"""What an upgrade would take: the provider that its terms ask for, warnings and an estimate.

Everything here only looks: it needs no run and no meter. What works is the `executor`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from dreaming.buying.estimating import Estimate
from dreaming.buying.reading import read_groups
from dreaming.chunk import QUALITY_RANKS
from dreaming.errors import UsageError
from dreaming.home import Home
from dreaming.providers.chain import ProviderChain
from dreaming.providers.metered import UNMETERED, CallMeter
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Balance, Limit
from dreaming.upgrading.terms import UpgradeTerms

DEFAULT_PROVIDER = "anthropic"


class Offers:
    """Looks at what the configured providers can do for terms, within the budgets of a home."""

    def __init__(self, home: Home, providers: Mapping[str, ConfiguredProvider]) -> None:
        self._home = home
        self._providers = providers

    def check(self, terms: UpgradeTerms) -> list[str]:
        """Find out whether terms can be worked on, before a request is made of them.

        Returns warnings for a person. Raises `UsageError` where they ask for what no configured
        provider gives or nothing bounds the spending, `ConfigurationError` for an unknown price.
        """
        provider = self.open(terms)
        standing = self.standing_balances(provider)
        require_bound(provider, [own_limit(terms), *(balance.limit for balance in standing)])
        for member in members(provider):
            Estimate.of(member, at=self._home.clock())
        return [
            f"max_tokens = {terms.max_tokens:,} is larger than what {balance.scope_id} has left "
            f"({balance.room.tokens:,} of {balance.limit.tokens:,} tokens), which will end the "
            "upgrade first."
            for balance in standing
            if _is_smaller(balance, terms.max_tokens)
        ]

    def estimate(self, terms: UpgradeTerms, days: Collection[date]) -> dict[str, Any]:
        """Calls, tokens and dollars, expected and at worst, by day and label.

        Of several providers, those of the first.
        """
        provider = self.open(terms)
        candidates, groups, damaged = read_groups(self._home, terms, provider, days)
        estimate = Estimate.of(provider, at=self._home.clock(), delivery=terms.delivery)
        return {
            "target_quality": terms.target_quality,
            "provider": provider.name,
            "model": provider.model.served,
            "candidates": len(candidates),
            "skipped": dict(sum(candidates.skipped.values(), Counter())),
            "damaged_days": {day.isoformat(): reason for day, reason in damaged.items()},
            "delivery": terms.delivery or "now",
            **estimate.as_json(groups, candidates),
        }

    def open(self, terms: UpgradeTerms, meter: CallMeter = UNMETERED) -> LLMProvider:
        """The provider that terms ask for, or several as one, not connected yet.

        Without a meter it is to look at. Raises `UsageError` where there is no such provider or it
        does not give the quality or the delivery, `ConfigurationError` for its model.
        """
        names = terms.providers or (terms.provider or DEFAULT_PROVIDER,)
        opened = [self._open_one(name, terms, meter) for name in names]
        return opened[0] if len(opened) == 1 else ProviderChain(opened)

    def _open_one(self, name: str, terms: UpgradeTerms, meter: CallMeter) -> LLMProvider:
        if name not in self._providers:
            known = ", ".join(self._providers)
            raise UsageError(f"There is no provider {name!r}. Choose one of {known}.")
        configured = self._providers[name]
        today = self._home.clock().date()
        model = terms.model or configured.model_for(terms.target_quality, today=today)
        provider = configured.open(meter, today=today, model=model)
        if terms.delivery == "batch" and provider.batches() is None:
            raise UsageError(f"{name} takes no batches. Ask for delivery now.")
        level = provider.model.quality_level
        if QUALITY_RANKS[level] < QUALITY_RANKS[terms.target_quality]:
            raise UsageError(
                f"The model {provider.model.served!r} of {name} gives {level} chunks, and "
                f"{terms.target_quality} ones are asked for. Choose a better model, or a lower "
                "target_quality."
            )
        return provider

    def standing_balances(self, provider: LLMProvider) -> list[Balance]:
        """The budgets of the month and the day that a provider spends from."""
        balances: list[Balance] = []
        for member in members(provider):
            windows = self._home.ledger.window_balances(member.name, member.model.quality_level)
            balances += windows.values()
        return balances


def members(provider: LLMProvider) -> Sequence[LLMProvider]:
    """The providers of a chain; a single one by itself."""
    return provider.providers if isinstance(provider, ProviderChain) else (provider,)


def own_limit(terms: UpgradeTerms) -> Limit:
    """The limit of a request's own budget."""
    return Limit(terms.max_tokens, terms.max_picodollars)


def require_bound(provider: LLMProvider, limits: Sequence[Limit]) -> None:
    """Raise `UsageError` where nothing bounds what a provider may spend."""
    if provider.is_local or any(limits):
        return
    raise UsageError(
        "Nothing bounds what this upgrade may spend. Give it max_tokens or max_cost_usd, or "
        f"set a standing budget: dreaming budget set --provider {provider.name} --tier "
        f"{provider.model.quality_level} --max-tokens 50000"
    )


def _is_smaller(balance: Balance, max_tokens: int | None) -> bool:
    left = balance.room.tokens
    return bool(max_tokens) and left is not None and left < (max_tokens or 0)
