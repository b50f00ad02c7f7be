"""What an upgrade would take, before anything is spent: expected, and at worst, by day and by
label.
"""

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
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.grouping import Groups, Integers, expected_usage

_BYTES_PER_TOKEN = 5
"""A call reserves by bytes where its vendor's count is not asked; few texts have more bytes a
token.
"""
_UNIT_TOKENS = 20
"""Few units are shorter, and a reply may hold no more chunks than there are units."""
_PRICED_TOKENS = 1_000
"""Prices are asked for so many tokens at once; they depend on the size of a request, if at all, far
above.
"""
MOST_LABELS = 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of the calls for groups of candidates."""

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
        """The tokens and the picodollars that calls for so much text are expected to take."""
        sent, replied = expected_usage(text_tokens)
        of_input, of_output = (
            self.price.cost(usage, at=self.at, delivery=self.delivery) / _PRICED_TOKENS
            for usage in (
                TokenUsage(input_tokens=_PRICED_TOKENS),
                TokenUsage(output_tokens=_PRICED_TOKENS),
            )
        )
        picodollars = sent * of_input + replied * of_output
        return np.rint(sent + replied).astype(np.int64), np.rint(picodollars).astype(np.int64)

    def worst(self, text_tokens: int) -> Amount:
        """What a call for so much text reserves."""
        bounds = Bounds.of(units=max(text_tokens // _UNIT_TOKENS, 1), tokens=text_tokens)
        sent = REQUEST_OVERHEAD_TOKENS + _BYTES_PER_TOKEN * int(
            expected_usage(np.array([text_tokens]))[0][0]
        )
        return worst_case(
            self.price,
            input_tokens=sent,
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
        """What falls to each day and label, by the text; a chunk with several labels counts for
        each of them.
        """
        members = pa.array(groups.members())
        own = candidates.column("token_count").take(members).to_numpy()
        share = own / np.maximum(np.repeat(groups.tokens, groups.chunks), 1)
        weights = [share * np.repeat(each, groups.chunks) for each in self.expected(groups.tokens)]
        labels = candidates.column("labels").take(members).combine_chunks()
        by_day = _totals(
            candidates.column("day").take(members).cast(pa.string()).combine_chunks(), weights
        )
        of_chunk = pc.list_parent_indices(labels).to_numpy()
        by_label = _totals(labels.flatten(), [each[of_chunk] for each in weights])
        most = dict(
            Counter({label: share["chunks"] for label, share in by_label.items()}).most_common(
                MOST_LABELS
            )
        )
        return {
            "by_day": dict(sorted(by_day.items())),
            "by_label": {label: by_label[label] for label in most},
        }


def _totals(names: pa.Array, weights: list[Any]) -> dict[str, dict[str, Any]]:
    encoded = names.dictionary_encode()
    places = encoded.indices.to_numpy()
    counts = np.bincount(places, minlength=len(encoded.dictionary))
    tokens, picodollars = (np.bincount(places, each, minlength=len(counts)) for each in weights)
    return {
        name: {
            "chunks": int(counts[n]),
            "expected_tokens": round(tokens[n]),
            "expected_cost_usd": str(to_usd(round(picodollars[n]))),
        }
        for n, name in enumerate(encoded.dictionary.to_pylist())
    }
