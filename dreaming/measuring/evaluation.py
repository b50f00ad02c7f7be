"""A segmenter measured on labelled talks, and the tiers of a home measured by each other."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from dreaming.chunking.segmenter import Confidence, Segmenter, shipped_segmenter
from dreaming.errors import UsageError
from dreaming.home import Home
from dreaming.learning.baselines import BASELINES
from dreaming.learning.confidence import (
    PredictedTopic,
    calibration_error,
    confidence_of,
    fit_confidence,
    ranking_quality,
    wrong_of_least_confident,
)
from dreaming.learning.dialogues import by_dataset, read_dialogues
from dreaming.learning.evaluating import (
    EvaluatedDialogue,
    by_set,
    evaluate,
    interval,
    leave_one_fold_out,
    leave_one_set_out,
    predicted_topics,
)
from dreaming.learning.examples import example_of
from dreaming.learning.scoring import mean_score, score_boundaries
from dreaming.measuring.accuracy import Agreement, measure_day, over_languages, total

Unseen = Literal["sets", "talks"]
OURS = "dreaming"


def evaluate_files(
    paths: Iterable[Path], *, unseen: Unseen | None = None, segmenter: Segmenter | None = None
) -> dict[str, Any]:
    """The scores of a segmenter and of baselines, by data set and their mean, as JSON.

    Args:
        paths: files of labelled talks, and folders of them.
        unseen: fit a segmenter for each set without it, or for each fourth of the talks without
            those.
        segmenter: the one to measure, or whose features the fitted ones read; by default the one
            that comes with dreaming.

    Raises:
        UsageError: no labelled talks, or too few sets or talks to leave some out.
    """
    sets = by_dataset(read_dialogues(paths))
    used = segmenter or shipped_segmenter()
    examples = [
        example_of(dialogue, used.encoder) for dialogues in sets.values() for dialogue in dialogues
    ]
    if unseen == "sets" and len(sets) < 2:
        raise UsageError(f"There is only the set {next(iter(sets))!r}: to leave one out takes two.")
    if unseen == "talks" and len(examples) < 8:
        raise UsageError(f"There are {len(examples)} talks: to leave a fourth out takes 8.")
    if unseen == "sets":
        judged = list(leave_one_set_out(examples, used.encoder))
    elif unseen == "talks":
        judged = list(leave_one_fold_out(examples, used.encoder))
    else:
        judged = evaluate(used, examples)
    rows: dict[str, dict[str, Any]] = {}
    for name, scores in by_set(judged).items():
        mean = mean_score(scores)
        baselines = {
            way: mean_score(
                score_boundaries(d.boundaries, find(d), len(d.turns)) for d in sets[name]
            ).score
            for way, find in BASELINES.items()
        }
        rows[name] = {
            "talks": len(scores),
            "score": baselines | {OURS: mean.score},
            "interval": interval(scores),
            "f1": mean.f1,
            "pk": mean.pk,
            "windowdiff": mean.windowdiff,
        }
    ways = [*BASELINES, OURS]
    macro = {way: sum(row["score"][way] for row in rows.values()) / len(rows) for way in ways}
    confidence = None if unseen else used.weights.confidence
    return {
        "unseen": unseen,
        "sets": rows,
        "macro": macro,
        "confidence": _confidence(judged, confidence),
    }


def _confidence(
    judged: Sequence[EvaluatedDialogue], confidence: Confidence | None
) -> dict[str, Any]:
    """How well the confidence is calibrated, as means over the data sets.

    Without a given calibration, one is fitted for each set on all others.
    """
    topics = predicted_topics(judged)
    sets: dict[str, list[PredictedTopic]] = {}
    for topic in topics:
        sets.setdefault(topic.dataset, []).append(topic)
    if confidence is None and len(sets) < 2:
        return {"topics": 0}
    told = {}
    for name, own in sets.items():
        fitted = confidence or fit_confidence([topic for topic in topics if topic.dataset != name])
        told[name] = [confidence_of(fitted, topic) for topic in own]
    ranked = [ranking_quality(told[name], own) for name, own in sets.items()]
    in_order = [topic for own in sets.values() for topic in own]
    return {
        "topics": len(topics),
        "calibration_error": calibration_error([c for name in sets for c in told[name]], in_order),
        "auroc": _mean([value for value in ranked if value is not None]),
        "wrong": _mean([sum(not topic.right for topic in own) / len(own) for own in sets.values()]),
        "wrong_of_least_confident": _mean(
            [wrong_of_least_confident(told[name], own) for name, own in sets.items()]
        ),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def evaluate_tiers(
    home: Home, *, first: date | None = None, last: date | None = None
) -> list[dict[str, Any]]:
    """How near each tier comes to the better ones over published days, as JSON.

    A row for each pair of tiers, then one for each pair and language.

    Rows are empty where nothing was bought. Raises `DamagedPartition` where a day cannot be read.
    """
    days = [d for d in home.store.days("upgraded_chunks") if (first or d) <= d <= (last or d)]
    measured = total(measure_day(home.store, home.purchases, day) for day in days)
    rows = [
        _tiers_row(lower, higher, None, found)
        for (lower, higher), found in over_languages(measured).items()
    ]
    return rows + [_tiers_row(*pair, found) for pair, found in sorted(measured.items())]


def _tiers_row(lower: str, higher: str, language: str | None, found: Agreement) -> dict[str, Any]:
    counts = {
        "conversations": found.conversations,
        "messages": found.messages,
        "topics": found.higher_topics,
    }
    return {"lower": lower, "higher": higher, "language": language, **counts, **found.figures()}
