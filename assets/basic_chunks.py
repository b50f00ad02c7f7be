"""`basic_chunks`: conversations cut into chunks by rules or a local LLM, free, on this machine."""

from datetime import date
from time import perf_counter

import dagster as dg

from assets.metadata import chunk_metadata, model_metadata
from assets.stage import Check, Metadata, Stage, Work, asset_spec
from dreaming.measuring.checking import check_sizes, check_verbatim
from dreaming.pipeline.sharding import join_shards
from dreaming.statistics import ChunkStatistics


def materialize(work: Work, day: date) -> Metadata:
    """Chunk the day's new and changed conversations, and keep the chunks of the others."""
    started = perf_counter()
    statistics = _cut(work, day)
    work.chunks_created += statistics.chunks - statistics.chunks_kept
    path = work.home.store.path("basic_chunks", day)
    metadata = chunk_metadata(statistics, path=path, seconds=perf_counter() - started)
    if work.model_chunker:
        metadata |= model_metadata(work.model_chunker)
    return metadata


def _cut(work: Work, day: date) -> ChunkStatistics:
    pipeline = work.home.pipeline
    rechunk = work.config.rechunk
    chunker = work.model_chunker
    if work.shards is None:
        return pipeline.chunk(day, rechunk=rechunk, chunker=chunker)
    # Other processes have cut the shards of the day already.
    return join_shards(pipeline, day, work.shards, rechunk=rechunk, chunker=chunker)


STAGE = Stage(
    spec=asset_spec(
        "basic_chunks",
        description="Semantic chunks of 100-800 tokens with labels, entities, a summary and a "
        "language each, made by "
        "rules or by a local LLM: free, offline, and always there. Their text is the "
        "conversation's, to the character.",
        kinds={"parquet"},
        upstream="raw_conversations",
    ),
    materialize=materialize,
    partition="basic_chunks",
    checks=(
        Check(
            dg.AssetCheckSpec(
                "verbatim",
                asset="basic_chunks",
                blocking=True,
                description="The chunks hold every message's text exactly once, in order, "
                "unchanged (law 1).",
            ),
            lambda home, day: check_verbatim(home.store, "basic_chunks", day),
        ),
        Check(
            dg.AssetCheckSpec(
                "size_bounds",
                asset="basic_chunks",
                description="At least 95 % of text chunks are within 100-800 tokens, where their "
                "conversation is as "
                "long.",
            ),
            lambda home, day: check_sizes(home.store, day),
        ),
    ),
)
