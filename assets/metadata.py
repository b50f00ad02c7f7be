"""Statistics -> asset metadata: numbers that plot over partitions, JSON for programs, Markdown for people."""

from collections.abc import Mapping

import dagster as dg

from assets.stage import Metadata
from dreaming.statistics import HISTOGRAM_EDGES, ChunkStatistics, RawStatistics

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
    quality = {f"quality_{level}": dg.MetadataValue.int(statistics.quality[level]) for level in statistics.quality}
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
        "labels": dg.MetadataValue.md(share_table("label", dict(statistics.labels.most_common(10)))),
        "kinds": dg.MetadataValue.json(dict(statistics.kinds)),
        "segmenters": dg.MetadataValue.json(dict(statistics.segmenters)),
        "tokens_histogram": dg.MetadataValue.md(share_table("tokens", _bins(statistics))),
        "path": dg.MetadataValue.path(path),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
    }


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
    return {f"{edge}{upper}": statistics.histogram[edge] for edge, upper in zip(HISTOGRAM_EDGES, uppers, strict=True)}
