"""Freezing a request's plan: which chunks it takes and in which order, once for all of its runs."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date

import numpy as np

from dreaming.buying.estimating import Estimate
from dreaming.buying.reading import read_candidates
from dreaming.buying.spans import read_spans
from dreaming.home import Home
from dreaming.providers.provider import LLMProvider
from dreaming.spending.budgets import Limit
from dreaming.storage.requests import UpgradeRequest
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.grouping import Groups, first_chunks, plan_groups

PLANNED_TIMES = 4
"""How much is planned, in multiples of what the budgets are expected to pay for."""
# Expected sizes of replies are estimates; they have been wrong by less than this.
LEAST_PLANNED = 100
"""Calls that are planned at least, where there are candidates."""


def freeze_plan(
    home: Home,
    request: UpgradeRequest,
    provider: LLMProvider,
    days: Collection[date],
    *,
    room: Sequence[Limit],
) -> dict[date, str]:
    """Plan the days that a request has no plan for; returns why days cannot be read.

    `room` is what each of the request's budgets has left. What was frozen before stays: a run that
    is made again works on the same spans.
    """
    terms = request.terms
    wanted = [day for day in days if terms.allows_day(day)]
    new = home.requests.unplanned(request.request_id, wanted)
    if not new:
        return {}
    candidates, damaged = read_candidates(home, terms, provider, new)
    # Brought back before the plan is frozen: what is current again is not to be bought.
    home.purchases.bring_back(
        candidates.undone, request.request_id, home.index.days_of, at=home.clock()
    )
    groups = plan_groups(candidates)
    if terms.limit is not None:
        left = max(terms.limit - home.requests.chunks_planned(request.request_id), 0)
        groups = _take(first_chunks(groups, candidates, left), groups, candidates, "over_limit")
    estimate = Estimate.of(provider, at=home.clock(), delivery=terms.delivery)
    affordable = _affordable(groups, estimate, room)
    groups = _take(affordable, groups, candidates, "over_budget")
    spans = read_spans(home.store, candidates, groups)
    skipped = {day: candidates.skipped.get(day, Counter()) for day in new if day not in damaged}
    home.requests.freeze(request.request_id, skipped, spans, limit=terms.limit)
    return damaged


def _affordable(groups: Groups, estimate: Estimate, room: Sequence[Limit]) -> Groups:
    """The first groups, several times as many as the budgets are expected to pay for."""
    tokens, picodollars = estimate.expected(groups.tokens)
    token_limits = [each.tokens for each in room if each.tokens is not None]
    money_limits = [each.picodollars for each in room if each.picodollars is not None]
    reached = len(groups)
    for expected, limits in ((tokens, token_limits), (picodollars, money_limits)):
        if limits:
            total = np.cumsum(expected)
            within = int(np.searchsorted(total, PLANNED_TIMES * min(limits)))
            reached = min(reached, within)
    return groups.head(max(reached, LEAST_PLANNED))


def _take(taken: Groups, groups: Groups, candidates: Candidates, reason: str) -> Groups:
    """The groups that are taken; the others' candidates are counted as left out."""
    left_out = np.setdiff1d(groups.members(), taken.members(), assume_unique=True)
    candidates.skip(candidates.rows[left_out], reason)
    return taken
