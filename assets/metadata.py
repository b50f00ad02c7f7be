"""Statistics -> asset metadata: numbers that plot over partitions, JSON for programs, Markdown for
people.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import dagster as dg

from assets.stage import Metadata
from dreaming.measuring.accuracy import Accuracy, over_languages
from dreaming.pipeline.model_chunker import ModelChunker
from dreaming.planning.plan import Decision
from dreaming.statistics import HISTOGRAM_EDGES, ChunkStatistics, RawStatistics
from dreaming.task import DreamingTaskResult

BAR_WIDTH = 24


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
    quality = {
        f"quality_{level}": dg.MetadataValue.int(statistics.quality[level])
        for level in statistics.quality
    }
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
        "labels": dg.MetadataValue.md(
            share_table("label", dict(statistics.labels.most_common(10)))
        ),
        "kinds": dg.MetadataValue.json(dict(statistics.kinds)),
        "segmenters": dg.MetadataValue.json(dict(statistics.segmenters)),
        "models": dg.MetadataValue.json(dict(statistics.models)),
        "tokens_histogram": dg.MetadataValue.md(share_table("tokens", _bins(statistics))),
        "path": dg.MetadataValue.path(path),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
    }


def accuracy_metadata(accuracy: Accuracy) -> Metadata:
    """How near each tier came to the better ones on a day, as numbers that plot; nothing where none
    was bought.
    """
    rows = [
        (lower, higher, "", agreement)
        for (lower, higher), agreement in over_languages(accuracy).items()
    ]
    rows += [(*pair, agreement) for pair, agreement in sorted(accuracy.items())]
    found: Metadata = {}
    lines = [
        "| tiers | language | messages | F1 | Pk | labels | entities |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    for lower, higher, language, agreement in rows:
        figures = agreement.figures()
        for name, value in figures.items():
            key = "_".join(filter(None, ("accuracy", lower, higher, name, language)))
            found[key] = dg.MetadataValue.float(value)
        told = [
            f"{figures[name]:.2f}" if name in figures else ""
            for name in ("f1", "pk", "labels", "entities")
        ]
        cells = [f"{lower} beside {higher}", language or "all", f"{agreement.messages:,}", *told]
        lines.append(f"| {' | '.join(cells)} |")
    return found | {"accuracy": dg.MetadataValue.md("\n".join(lines))} if rows else found


def model_metadata(chunker: ModelChunker) -> Metadata:
    """What a model did in a day of `basic_chunks`."""
    report, model = chunker.last_report, chunker.model
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
    """What an upgrade did: of the day, what it cost; of the run, its result, without the days: it
    may have many.
    """
    told = {name: value for name, value in result.as_json().items() if name != "days_published"}
    budget = {
        f"budget_{name}": _figure(name, value)
        for name, value in result.budget.items()
        if value is not None
    }
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
        "task_result": dg.MetadataValue.json(told),
        **quality,
        **budget,
    }


def _pending(result: DreamingTaskResult) -> Metadata:
    """What waits at the vendor, since when, and what it will cost: as numbers that plot, nothing
    where nothing does.
    """
    told = result.pending
    if not told:
        return {}
    return {
        "pending_calls": dg.MetadataValue.int(told["calls"]),
        "pending_since": dg.MetadataValue.timestamp(datetime.fromisoformat(told["since"])),
        "pending_cost_usd_expected": dg.MetadataValue.float(float(told["expected_cost_usd"])),
        "pending_cost_usd_at_most": dg.MetadataValue.float(float(told["at_most_cost_usd"])),
    }


def plan_metadata(decision: Decision | None) -> Metadata:
    """What was planned, by whom and why; nothing where nobody planned."""
    if decision is None:
        return {}
    return {
        "planned_by": dg.MetadataValue.text(decision.plan.planner),
        "plan_reason": dg.MetadataValue.text(decision.plan.reason),
        "plan": dg.MetadataValue.json(decision.as_json()),
    }


def _figure(name: str, value: object) -> dg.MetadataValue:
    """A number where it is one, so that it plots."""
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    return (
        dg.MetadataValue.float(float(str(value)))
        if name.endswith("_usd")
        else dg.MetadataValue.text(str(value))
    )


def share_table(title: str, counts: Mapping[str, int]) -> str:
    """Counts as a Markdown table with shares and bars; says so where there is nothing to count."""
    total, largest = sum(counts.values()), max(counts.values(), default=0)
    if not total:
        return "none"
    rows = [
        f"| {name} | {count:,} | {count / total:.0%} | {'█' * round(BAR_WIDTH * count / largest)} |"
        for name, count in counts.items()
    ]
    return "\n".join([f"| {title} | chunks | share | |", "|:--|--:|--:|:--|", *rows])


def _bins(statistics: ChunkStatistics) -> dict[str, int]:
    uppers = (*(f"-{edge - 1}" for edge in HISTOGRAM_EDGES[1:]), "+")
    return {
        f"{edge}{upper}": statistics.histogram[edge]
        for edge, upper in zip(HISTOGRAM_EDGES, uppers, strict=True)
    }
