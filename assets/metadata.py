"""Statistics -> asset metadata: numbers to plot, JSON for programs, Markdown for people.

The UI plots numbers of type int and float over partitions, so figures have these types also where a
text would be exact.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import dagster as dg

from assets.stage import Metadata
from dreaming.measuring.accuracy import Accuracy, Agreement, over_languages
from dreaming.pipeline.model_chunker import ModelChunker
from dreaming.planning.plan import Decision
from dreaming.statistics import HISTOGRAM_EDGES, ChunkStatistics, RawStatistics
from dreaming.task import DreamingTaskResult

BAR_WIDTH = 24
"""Characters of the longest bar of a table."""
TOP_LABELS = 10


def raw_metadata(statistics: RawStatistics, *, path: str, seconds: float) -> Metadata:
    """The metadata of a day of `raw_conversations`."""
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(statistics.conversations),
        "conversations": dg.MetadataValue.int(statistics.conversations),
        "messages": dg.MetadataValue.int(statistics.messages),
        "characters": dg.MetadataValue.int(statistics.characters),
        "message_kinds": dg.MetadataValue.json(dict(statistics.kinds)),
        "sources": dg.MetadataValue.json(dict(statistics.sources)),
        "left_out": dg.MetadataValue.int(statistics.left_out),
        "path": dg.MetadataValue.path(path),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
    }


def chunk_metadata(statistics: ChunkStatistics, *, path: str, seconds: float) -> Metadata:
    """The metadata of a day of `basic_chunks` or `upgraded_chunks`."""
    # Each level once more as a number of its own: only those plot.
    quality = {
        f"quality_{level}": dg.MetadataValue.int(count)
        for level, count in statistics.quality.items()
    }
    top_labels = dict(statistics.labels.most_common(TOP_LABELS))
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(statistics.chunks),
        "chunks": dg.MetadataValue.int(statistics.chunks),
        "conversations": dg.MetadataValue.int(statistics.conversations),
        "conversations_kept": dg.MetadataValue.int(statistics.conversations_kept),
        "characters": dg.MetadataValue.int(statistics.characters),
        "tokens": dg.MetadataValue.int(statistics.tokens),
        **quality,
        "quality_distribution": dg.MetadataValue.json(dict(statistics.quality)),
        "quality": dg.MetadataValue.md(share_table("quality", statistics.quality)),
        "languages": dg.MetadataValue.json(dict(statistics.languages.most_common())),
        "labels": dg.MetadataValue.md(share_table("label", top_labels)),
        "kinds": dg.MetadataValue.json(dict(statistics.kinds)),
        "segmenters": dg.MetadataValue.json(dict(statistics.segmenters)),
        "models": dg.MetadataValue.json(dict(statistics.models)),
        "tokens_histogram": dg.MetadataValue.md(share_table("tokens", _bins(statistics))),
        "path": dg.MetadataValue.path(path),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
    }


def accuracy_metadata(accuracy: Accuracy) -> Metadata:
    """The agreement of each tier with the better ones on a day; empty where none was bought."""
    rows: list[tuple[str, str, str, Agreement]] = []
    for pair, agreement in over_languages(accuracy).items():
        rows.append((*pair, "", agreement))
    for pair_and_language, agreement in sorted(accuracy.items()):
        rows.append((*pair_and_language, agreement))
    if not rows:
        return {}
    metadata: Metadata = {}
    lines = [
        "| tiers | language | messages | F1 | Pk | labels | entities |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    for lower, higher, language, agreement in rows:
        figures = agreement.figures()
        for name, value in figures.items():
            key = "_".join(filter(None, ("accuracy", lower, higher, name, language)))
            metadata[key] = dg.MetadataValue.float(value)
        cells = [f"{lower} beside {higher}", language or "all", f"{agreement.messages:,}"]
        # Only figures that can be computed are there; the others' cells are empty.
        names = ("f1", "pk", "labels", "entities")
        cells += [f"{figures[name]:.2f}" if name in figures else "" for name in names]
        lines.append(f"| {' | '.join(cells)} |")
    metadata["accuracy"] = dg.MetadataValue.md("\n".join(lines))
    return metadata


def model_metadata(chunker: ModelChunker) -> Metadata:
    """The calls of a model for a day of `basic_chunks`."""
    report = chunker.last_report
    model = chunker.model
    return {
        "llm_provider": dg.MetadataValue.text(chunker.provider_name),
        "llm_model": dg.MetadataValue.text(model.served),
        "llm_model_asked": dg.MetadataValue.text(model.asked),
        "llm_conversations": dg.MetadataValue.int(report.conversations_cut),
        "llm_fell_back": dg.MetadataValue.json(dict(report.fell_back)),
        "llm_repairs": dg.MetadataValue.json(dict(report.repairs)),
        "llm_calls": dg.MetadataValue.int(report.calls),
        "llm_stored_calls": dg.MetadataValue.int(report.stored_calls),
        "llm_input_tokens": dg.MetadataValue.int(report.usage.all_input_tokens),
        "llm_cache_read_tokens": dg.MetadataValue.int(report.usage.cache_read_tokens),
        "llm_cache_write_tokens": dg.MetadataValue.int(report.usage.cache_write_tokens),
        "llm_output_tokens": dg.MetadataValue.int(report.usage.output_tokens),
        "llm_seconds": dg.MetadataValue.float(round(report.seconds, 3)),
    }


def upgrade_metadata(
    result: DreamingTaskResult, *, day_tokens: int, day_cost_usd: Decimal
) -> Metadata:
    """The cost of an upgrade for the day, and the result of its run."""
    # Without the days, of which a run may have many: each of them would get the list of all.
    task_result = result.as_json()
    task_result.pop("days_published", None)
    budget: Metadata = {}
    for name, value in result.budget.items():
        if value is not None:
            budget[f"budget_{name}"] = _figure(name, value)
    quality = {
        f"run_quality_{level}": dg.MetadataValue.int(count)
        for level, count in result.quality_counts.items()
    }
    return {
        "day_tokens_consumed": dg.MetadataValue.int(day_tokens),
        "day_cost_usd": dg.MetadataValue.float(float(day_cost_usd)),
        "request_id": dg.MetadataValue.text(result.request_id or ""),
        "llm_provider": dg.MetadataValue.text(result.llm_provider),
        "llm_model": dg.MetadataValue.text(result.llm_model),
        "chunks_created": dg.MetadataValue.int(result.chunks_created),
        "chunks_upgraded": dg.MetadataValue.int(result.chunks_upgraded),
        "tokens_consumed": dg.MetadataValue.int(result.tokens_consumed),
        "estimated_cost_usd": dg.MetadataValue.float(float(result.estimated_cost_usd)),
        "processing_time_seconds": dg.MetadataValue.float(result.processing_time_seconds),
        **_pending(result),
        "stopped_by": dg.MetadataValue.text(result.stopped or "nothing"),
        "skipped": dg.MetadataValue.json(result.skipped),
        "quality_before": dg.MetadataValue.json(result.quality_before),
        "quality_after": dg.MetadataValue.json(result.quality_counts),
        "task_result": dg.MetadataValue.json(task_result),
        **quality,
        **budget,
    }


def _pending(result: DreamingTaskResult) -> Metadata:
    """The calls that wait at the vendor, since when, and their cost; empty without any."""
    pending = result.pending
    if not pending:
        return {}
    since = datetime.fromisoformat(pending["since"])
    return {
        "pending_calls": dg.MetadataValue.int(pending["calls"]),
        "pending_since": dg.MetadataValue.timestamp(since),
        "pending_cost_usd_expected": dg.MetadataValue.float(float(pending["expected_cost_usd"])),
        "pending_cost_usd_at_most": dg.MetadataValue.float(float(pending["at_most_cost_usd"])),
    }


def plan_metadata(decision: Decision | None) -> Metadata:
    """The plan, its planner and its reason; empty without a plan."""
    if decision is None:
        return {}
    return {
        "planned_by": dg.MetadataValue.text(decision.plan.planner),
        "plan_reason": dg.MetadataValue.text(decision.plan.reason),
        "plan": dg.MetadataValue.json(decision.as_json()),
    }


def _figure(name: str, value: object) -> dg.MetadataValue:
    """The value as a number where possible, so that it plots; else as text."""
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    # Exact costs are texts in a result.
    if name.endswith("_usd"):
        return dg.MetadataValue.float(float(str(value)))
    return dg.MetadataValue.text(str(value))


def share_table(title: str, counts: Mapping[str, int]) -> str:
    """Counts as a Markdown table with shares and bars; "none" without any."""
    total = sum(counts.values())
    if not total:
        return "none"
    largest = max(counts.values())
    lines = [f"| {title} | chunks | share | |", "|:--|--:|--:|:--|"]
    for name, count in counts.items():
        bar = "█" * round(BAR_WIDTH * count / largest)
        lines.append(f"| {name} | {count:,} | {count / total:.0%} | {bar} |")
    return "\n".join(lines)


def _bins(statistics: ChunkStatistics) -> dict[str, int]:
    """The counts of a histogram by names of bins such as "0-99" and "800+"."""
    bins: dict[str, int] = {}
    for lower, next_lower in pairwise((*HISTOGRAM_EDGES, None)):
        assert lower is not None
        upper = "+" if next_lower is None else f"-{next_lower - 1}"
        bins[f"{lower}{upper}"] = statistics.histogram[lower]
    return bins
