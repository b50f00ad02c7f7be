"""Expected and worst tokens and dollars of an upgrade, in all, by day and by label."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dreaming.model_call import REQUEST_OVERHEAD_TOKENS, Delivery, TokenUsage
from dreaming.money import Amount, to_usd
from dreaming.prompting.schema import Bounds
from dreaming.providers.provider import LLMProvider
from dreaming.spending.prices import Price, price_of, worst_case
from dreaming.upgrading.arrow_arrays import integer_array, number_values
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.grouping import Groups, Integers, expected_usage

_BYTES_PER_TOKEN = 5
"""Reserved input tokens are bounded by bytes; few texts have more bytes a token than this."""
_UNIT_TOKENS = 20
"""Few units are shorter than this; a reply has at most one chunk a unit."""
_PRICED_TOKENS = 1_000
"""The size of the request whose prices stand for all."""
# Prices that depend on the size of a request change far above the size of our calls.
MOST_LABELS = 20
"""Labels whose shares are shown, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What calls for groups of candidates take, at the price of a model."""

    price: Price
    at: datetime
    delivery: Delivery = "now"

    @classmethod
    def of(
        cls, provider: LLMProvider, *, at: datetime, delivery: Delivery | None = None
    ) -> "Estimate":
        """The estimate for a provider, by default of replies at once.

        Raises `ConfigurationError` where the price of its model is not known.
        """
        model = provider.model
        price = price_of(
            provider.name, model.served, at=at, own=model.price, free=provider.is_local
        )
        return cls(price, at, delivery or "now")

    def expected(self, text_tokens: Integers) -> tuple[Integers, Integers]:
        """The tokens and the picodollars of calls, by the tokens of the text that each shows."""
        input_tokens, output_tokens = expected_usage(text_tokens)
        input_price = self._token_price(TokenUsage(input_tokens=_PRICED_TOKENS))
        output_price = self._token_price(TokenUsage(output_tokens=_PRICED_TOKENS))
        tokens = input_tokens + output_tokens
        picodollars = input_tokens * input_price + output_tokens * output_price
        return np.rint(tokens).astype(np.int64), np.rint(picodollars).astype(np.int64)

    def _token_price(self, usage: TokenUsage) -> float:
        """Picodollars a token. A float: this is an estimate, and nothing is booked by it."""
        return self.price.cost(usage, at=self.at, delivery=self.delivery) / _PRICED_TOKENS

    def worst(self, text_tokens: int) -> Amount:
        """What a call that shows a text of so many tokens reserves."""
        units = max(text_tokens // _UNIT_TOKENS, 1)
        bounds = Bounds.of(units=units, tokens=text_tokens)
        shown_tokens, _replied = expected_usage(np.array([text_tokens]))
        most_input = REQUEST_OVERHEAD_TOKENS + _BYTES_PER_TOKEN * int(shown_tokens[0])
        return worst_case(
            self.price,
            input_tokens=most_input,
            output_tokens=bounds.output_tokens(repeats_text=False),
            at=self.at,
            delivery=self.delivery,
        )

    def as_json(self, groups: Groups, candidates: Candidates) -> dict[str, Any]:
        """The totals, and the shares of days and labels; `candidates` has the column of labels."""
        tokens, picodollars = self.expected(groups.tokens)
        sizes, counts = np.unique(groups.tokens, return_counts=True)
        worst = Amount()
        for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
            of_one = self.worst(size)
            worst += Amount(of_one.tokens * count, of_one.picodollars * count)
        return {
            "calls": len(groups),
            "chunks": int(groups.chunks.sum()),
            "text_tokens": int(groups.tokens.sum()),
            "expected_tokens": int(tokens.sum()),
            "expected_cost_usd": str(to_usd(int(picodollars.sum()))),
            "worst_tokens": worst.tokens,
            "worst_cost_usd": str(worst.cost_usd),
            **self._shares(groups, candidates),
        }

    def _shares(self, groups: Groups, candidates: Candidates) -> dict[str, Any]:
        """The shares of days and labels, by the tokens of their text.

        A chunk with several labels counts for each of them.
        """
        members = integer_array(groups.members())
        own_tokens = number_values(candidates.column("token_count").take(members))
        group_tokens = np.repeat(groups.tokens, groups.chunks)
        share_of_group = own_tokens / np.maximum(group_tokens, 1)
        weights = [
            share_of_group * np.repeat(amounts, groups.chunks)
            for amounts in self.expected(groups.tokens)
        ]
        days = candidates.column("day").take(members).cast(pa.string()).combine_chunks()
        by_day = _totals(days, weights)

        labels = candidates.column("labels").take(members).combine_chunks()
        labelled = number_values(pc.list_parent_indices(labels))
        by_label = _totals(labels.flatten(), [each[labelled] for each in weights])
        chunk_counts = Counter({label: total["chunks"] for label, total in by_label.items()})
        frequent = [label for label, _count in chunk_counts.most_common(MOST_LABELS)]
        return {
            "by_day": dict(sorted(by_day.items())),
            "by_label": {label: by_label[label] for label in frequent},
        }


def _totals(names: pa.Array, weights: list[Any]) -> dict[str, dict[str, Any]]:
    """By name: how many entries it has, and the sums of their weights (tokens, picodollars)."""
    encoded = names.dictionary_encode()
    places = number_values(encoded.indices)
    counts = np.bincount(places, minlength=len(encoded.dictionary))
    tokens, picodollars = (np.bincount(places, each, minlength=len(counts)) for each in weights)
    return {
        name: {
            "chunks": int(counts[place]),
            "expected_tokens": round(tokens[place]),
            "expected_cost_usd": str(to_usd(round(picodollars[place]))),
        }
        for place, name in enumerate(encoded.dictionary.to_pylist())
    }
