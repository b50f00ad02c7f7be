"""What an upgrade would take, before anything is spent: expected, and at worst, by day and by label."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dreaming.model_call import REQUEST_OVERHEAD_TOKENS, TokenUsage
from dreaming.prompting.schema import Bounds
from dreaming.providers.provider import LLMProvider
from dreaming.spending.amount import Amount
from dreaming.spending.prices import Price, price_of, worst_case
from dreaming.upgrading.plan import OUTPUT_SHARE, OVERHEAD_TOKENS, Candidate

_BYTES_PER_TOKEN = 5
"""A call reserves by bytes where its vendor's count is not asked; few texts have more bytes a token."""
MOST_LABELS = 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of the calls for groups of candidates, one group a call."""

    groups: Sequence[Sequence[Candidate]]
    price: Price
    at: datetime

    @classmethod
    def of(cls, groups: Sequence[Sequence[Candidate]], provider: LLMProvider, *, at: datetime) -> "Estimate":
        """The estimate for a provider; raises `ConfigurationError` where the price of its model is not known."""
        model = provider.model
        price = price_of(provider.name, model.served, at=at, own=model.price, free=provider.is_local)
        return cls(groups, price, at)

    def expected(self, text_tokens: int) -> Amount:
        """What a call is expected to take."""
        usage = TokenUsage(input_tokens=OVERHEAD_TOKENS + text_tokens, output_tokens=round(text_tokens * OUTPUT_SHARE))
        return Amount(usage.total_tokens, self.price.cost(usage, at=self.at))

    def worst(self, text_tokens: int, units: int) -> Amount:
        """What a call reserves."""
        cap = Bounds.of(units=units, tokens=text_tokens).output_tokens(repeats_text=False)
        sent = REQUEST_OVERHEAD_TOKENS + _BYTES_PER_TOKEN * (OVERHEAD_TOKENS + text_tokens)
        return worst_case(self.price, input_tokens=sent, output_tokens=cap, at=self.at)

    def as_json(self) -> dict[str, Any]:
        """The totals, and the shares of days and labels."""
        sizes = [sum(candidate.tokens for candidate in group) for group in self.groups]
        expected = sum((self.expected(size) for size in sizes), Amount())
        worst = sum((self.worst(size, max(size // 20, 1)) for size in sizes), Amount())
        return {
            "calls": len(self.groups),
            "chunks": sum(map(len, self.groups)),
            "text_tokens": sum(sizes),
            "expected_tokens": expected.tokens,
            "expected_cost_usd": str(expected.cost_usd),
            "worst_tokens": worst.tokens,
            "worst_cost_usd": str(worst.cost_usd),
            "by_day": self._shares(lambda candidate: [candidate.day.isoformat()]),
            "by_label": self._shares(lambda candidate: candidate.labels, most=MOST_LABELS),
        }

    def _shares(
        self, names: Callable[[Candidate], Iterable[str]], *, most: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """What falls to each name; a chunk with several labels counts for each of them."""
        chunks, tokens, picodollars = Counter[str](), Counter[str](), Counter[str]()
        for group in self.groups:
            size = max(sum(candidate.tokens for candidate in group), 1)
            whole = self.expected(size)
            for candidate in group:
                for name in names(candidate):
                    chunks[name] += 1
                    tokens[name] += whole.tokens * candidate.tokens // size
                    picodollars[name] += whole.picodollars * candidate.tokens // size
        ordered = chunks.most_common(most) if most else sorted(chunks.items())
        return {
            name: {
                "chunks": count,
                "expected_tokens": tokens[name],
                "expected_cost_usd": str(Amount(0, picodollars[name]).cost_usd),
            }
            for name, count in ordered
        }
